"""Records the infusion day of a hospital patient as a state machine over one append-only log.

It records and reminds; it never drives a pump. It is not a medical device.
"""

__version__ = "0.1.0"
