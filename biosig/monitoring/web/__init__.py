"""The page of a monitor: a ward in a browser, its alarms acknowledged and paused from there."""
