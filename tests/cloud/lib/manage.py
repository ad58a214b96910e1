"""Run commands of one `*-manage` script, one after the other: `manage.py SCRIPT JSON`,
where JSON is a list of [its arguments, the statuses that are fine].

Such a script imports for three seconds before it does anything. Here this happens
once, and each command is a fork of what has been imported.
"""
import json
import os
import runpy
import sys
import traceback


def run(main, argv):
    """The status of the command, run in a child."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        sys.argv = argv
        status = main() or 0
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main():
    script, commands = sys.argv[1], json.loads(sys.argv[2])
    imported = runpy.run_path(script, run_name="imported")["main"]
    for arguments, fine in commands:
        status = run(imported, [script, *arguments])
        if status not in fine:
            sys.exit(f"`{script} {' '.join(arguments)}` ended with {status}")


main()
