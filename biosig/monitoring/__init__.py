"""From a live source to alarms: intake, signal watch, alarms, store."""
