"""The HTTP interface: routes, payloads, problem documents, the ward page.

Imports the rooms below it through the ports in `ports`; nothing imports it but `bootstrap` and `cli`.
"""
