"""How many threads torch computes on."""

import threading

import torch

from biosig.training.device import on_one_thread, one_worker


def test_a_worker_is_one_thread_that_computes_by_itself_beside_another_that_does_too():
    threads = torch.get_num_threads()
    with on_one_thread(), one_worker() as worker:
        names = {worker.submit(lambda: threading.current_thread().name).result() for _ in range(5)}
        assert len(names) == 1
        assert names != {threading.current_thread().name}
        assert worker.submit(torch.get_num_threads).result() == torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads
