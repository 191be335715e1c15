# SPDX-License-Identifier: ISC
"""What the test programs in Python share: tests that run some at a time and are reported in order, as TAP.

    suite = tap.Suite()

    @suite.test("two and two are four")
    def _():
        tap.check(2 + 2 == 4, "they are not")      # raises tap.Failed; tap.Skip is the other way out

    sys.exit(suite.run())

A test is a function. It fails by an exception; what it returns (a text or nothing) is printed behind it as diagnostics.
"""
import concurrent.futures
import sys
import traceback


class Failed(Exception):
    """A test failed; the text says why, for people."""


class Skip(Exception):
    """A test cannot run here; the text says why."""


def check(condition, message):
    if not condition:
        raise Failed(message)


class Suite:
    def __init__(self, workers=1):
        self.tests = []
        self.workers = workers

    def test(self, name, *arguments):
        """Decorates a function: it is the test `name`, called with `arguments`."""
        def add(function):
            self.tests.append((name, function, arguments))
            return function
        return add

    def run(self, only=()):
        """Runs the tests (those whose name contains a word of `only`, if there is any) and returns the exit status."""
        tests = [t for t in self.tests if not only or any(word in t[0] for word in only)]
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            try:
                runs = [pool.submit(_run, function, arguments) for _, function, arguments in tests]
                for number, (test, run) in enumerate(zip(tests, runs), 1):
                    kind, text = run.result()
                    say(f"{'not ok' if kind == 'failed' else 'ok'} {number} - {test[0]}"
                        + (f" # SKIP {text}" if kind == "skipped" else ""))
                    if kind != "skipped" and text:
                        comment(text)
                    failed += kind == "failed"
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        say(f"1..{len(tests)}")
        return 1 if failed else 0


def _run(function, arguments):
    try:
        return "ok", function(*arguments)
    except Skip as skip:
        return "skipped", str(skip)
    except Failed as failure:
        return "failed", str(failure) or "(no reason given)"
    except Exception:
        return "failed", traceback.format_exc()


def say(line):
    print(line, flush=True)


def comment(text):
    for line in str(text).rstrip("\n").split("\n"):
        say(f"#   {line}")
