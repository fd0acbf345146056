"""Rows that a run took out, as data: counted by source and rule, and drawn for a person to judge."""
