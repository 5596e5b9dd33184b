"""
Runs one piece of code with the real Python SDK, synchronous and asynchronous, and prints what each returned as one JSON
object a line: {"client", "data", "total", "error"}.

Arguments: URL USER PASSWORD ENGINE_TYPE RUN_TYPE COLUMNS CODE, where COLUMNS are the names to read, comma-separated.
"""

import asyncio
import json
import logging
import sys

from linkis_python_sdk.asyncio.client import LinkisClient as AsyncLinkisClient
from linkis_python_sdk.client import LinkisClient
from linkis_python_sdk.config.config import LinkisConfig


def show(client, answer):
    data, total, error = answer
    print(json.dumps({"client": client, "data": data, "total": total, "error": error}), flush=True)
    return error == ""


def main(url, user, password, engine_type, run_type, columns, code):
    # The SDK logs the failures that it also returns.
    logging.disable(logging.CRITICAL)
    config = LinkisConfig(base_url=f"{url}/api/rest_j/v1", username=user, password=password)
    request = {"columns": [{"column": name} for name in columns.split(",")]}
    execution = (code, request, engine_type, run_type)
    is_sync_fine = show("sync", LinkisClient(config).execute_code(*execution))
    is_async_fine = show("async", asyncio.run(AsyncLinkisClient(config).execute_code(*execution)))
    return 0 if is_sync_fine and is_async_fine else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
