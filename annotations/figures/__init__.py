"""Pictures of results: a frozen spec of plain values in, one SVG, PDF, PNG or CSV out.

`specs` says what can be drawn and loads nothing; `render` is the door and loads matplotlib when it
is first used. Neither knows Django or the database.
"""
