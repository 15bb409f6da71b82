"""Devices, staff, sessions, service tokens: who is asking, and that each of them can be shut out at once.

Imports `clinical.vocabulary`, the store port and the settings; never `web`. Whether a role may post a fact is the
workflow file's business (`clinical.decide`), which route it may call is the route table's (`web.routes`).
"""
