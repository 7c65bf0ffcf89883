"""The parts of the scripted switch; ``ivr.hosts.scripted_switch`` puts them together."""
