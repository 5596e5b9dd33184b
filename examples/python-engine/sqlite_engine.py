"""An engine of the type `sqlite`: each job is SQL for a database in memory, which lives as long as its user's engine."""

import sqlite3
import time

from tenon_engine import serve

database = sqlite3.connect(':memory:', check_same_thread=False, isolation_level=None)
database.create_function('sleep', 1, time.sleep)


def run(job):
    job.on_kill(database.interrupt)
    statements = [part for part in job.code.split(';') if part.strip()]
    for number, statement in enumerate(statements):
        job.log('running ' + statement.strip())
        cursor = database.execute(statement)
        if cursor.description is not None:
            with job.open_table([column[0] for column in cursor.description]) as table:
                for row in cursor:
                    table.add(*row)
        job.progress(number + 1, len(statements))


serve(run)
