"""Why a task did not succeed, as its owner gets it. Numbers are Linkis' where it has one, else ours from 50210 on."""

SHELL_CODE_IS_WRONG = 50037
PYTHON_EXECUTE_ERROR = 41001
INTERPRETER_STOPPED = 60003
MEMORY_LIMIT = 50210
PROCESS_LIMIT = 50211
DISK_LIMIT = 50212
DISK_FULL = 50213
TIMED_OUT = 50214
KILLED = 50215
NOT_STARTED = 50216
OUTPUT_NOT_STORED = 50217
ENGINE_FAULT = 50218

_MESSAGE_CHARACTERS_MAX = 4000


def failure(code, message, retryable=False):
    if len(message) > _MESSAGE_CHARACTERS_MAX:
        message = message[:_MESSAGE_CHARACTERS_MAX] + ' …'
    return {'code': code, 'message': message, 'retryable': retryable}
