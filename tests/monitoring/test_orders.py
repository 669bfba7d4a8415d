"""What people ask of a monitor, on its way between threads."""

import pytest

from biosig.monitoring.log import Action
from biosig.monitoring.orders import Orders


def test_orders_come_out_once_and_in_order():
    orders = Orders()
    given = [Action("a", "acknowledge"), Action("b", "pause", for_s=1.0), Action("a", "acknowledge")]
    assert all(orders.ask(action) for action in given)
    assert orders.take() == given
    assert orders.take() == []


def test_more_than_fit_are_refused_and_those_that_wait_stay():
    orders = Orders(2)
    assert [orders.ask(Action(str(i), "acknowledge")) for i in range(4)] == [True, True, False, False]
    assert [action.patient for action in orders.take()] == ["0", "1"]


def test_a_monitor_that_does_not_look_is_noticed():
    now = [100.0]
    orders = Orders(clock=lambda: now[0])
    assert orders.idle_s is None
    orders.take()
    now[0] = 107.5
    assert orders.idle_s == pytest.approx(7.5)
