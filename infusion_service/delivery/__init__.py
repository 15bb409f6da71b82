"""Readers that push: endpoints, what they are sent, when, and whereto it may go.

The log is the outbox: an endpoint is a cursor over committed rows. Nothing is sent that is not committed, and nothing
that was matched is forgotten: it is delivered, visibly parked, or dropped by a person with a reason.
"""
