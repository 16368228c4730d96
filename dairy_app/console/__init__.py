"""The pages on which a dairy runs its day: for the owner, accountant, office staff, helpers and customers.

It has no rules and no SQL of its own: what a page shows and does, it asks the routes of the API (``web.inside``), with
the policies, the schemas and the errors that everybody gets. Nothing imports it but the application.
"""
