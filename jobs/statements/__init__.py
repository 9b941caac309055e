"""The statements that move jobs, composed once for each table from the names of its states.

Every moment is read from the database's clock. Names of states stand in the text, not in the
parameters: only so does the planner see that a partial index of ``install_queue()`` fits. Rows are
found by ``= ANY (ARRAY(…))`` rather than by a join where their number is a parameter: a plan made
for an unknown number would read the whole table.
"""
