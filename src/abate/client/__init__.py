"""The partner's side of the interface, typed."""
