"""What the server scripts of this folder share: free ports, servers with their keepers, waiting, and settings files."""

import fcntl
import os
import random
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import keeper

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections (32768 and up): a client's connection can
# never sit on a port that a server wants back after it was killed.
PORTS = range(15000, 32000)


# Of servers that speak TLS: the authority, and what it vouches for.
CERTIFICATE = ("ca.crt", "server.crt", "server.key")


class Failure(Exception):
    """Something the caller can read and mend; printed as one line."""


def main(command):
    """Runs a script: its failures become one line and exit code 1."""
    try:
        command()
    except Failure as failure:
        sys.exit(f"{Path(sys.argv[0]).name}: {failure}")


def installed(part):
    """The folder of a part that dev/install provides, installed now if it was not."""
    done = subprocess.run([HERE / "install", part], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure(f"dev/install {part} failed")
    return Path(done.stdout.strip())


def add_start_arguments(parser):
    parser.add_argument("--dir", type=Path, required=True, help="a new or empty directory for data, logs and pids")
    parser.add_argument(
        "--owner",
        type=int,
        default=os.getppid(),
        metavar="PID",
        help="the process whose end, however it comes, ends the servers too; "
        "0: nobody, they run until they are stopped (default: the process that called)",
    )


def new_directory(path):
    path = path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise Failure(f"{path} is not empty; servers start with fresh data, name a new directory")
    return path


def owner_handle(pid):
    """A handle on the owner, which a later process of the same number cannot be mistaken for; None for nobody."""
    if pid == 0:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise Failure(f"the owner, process {pid}, does not run; from a shell's $(…) pass --owner $$") from None


def reserve_ports(count):
    """Sockets bound to free ports of the loopback address; a port is reserved as long as its socket is open.

    That keeps the port from everybody who looks for a free one, and not from the server that means just this port:
    servers bind with SO_REUSEADDR, which the kernel allows over a socket that does not listen. Keepers inherit the
    sockets, so that a killed server finds its port free when it is started again.
    """
    reserved = []
    for port in random.sample(PORTS, len(PORTS)):
        candidate = socket.socket()
        try:
            candidate.bind((HOST, port))
        except OSError:
            candidate.close()
            continue
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.append(candidate)
        if len(reserved) == count:
            return reserved
    raise Failure(f"fewer than {count} free ports between {PORTS.start} and {PORTS.stop}")


def port_of(reserved):
    return reserved.getsockname()[1]


def make_certificates(directory):
    """A CA, and a server's certificate apart from it: rustls takes no certificate for both."""
    ca, certificate, key = CERTIFICATE
    (directory / "names").write_text(f"subjectAltName=IP:{HOST},DNS:localhost\nbasicConstraints=CA:FALSE\n")
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        [*new, "-x509", "-days", "2", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", ca],
        [*new, "-subj", "/CN=server", "-keyout", key, "-out", "server.csr"],
        ["openssl", "x509", "-req", "-days", "2", "-in", "server.csr", "-CA", ca, "-CAkey", "ca.key", "-CAcreateserial"]
        + ["-extfile", "names", "-out", certificate],
    ):
        openssl(directory, command)


def openssl(directory, command):
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"openssl: {done.stdout}")


def wait_until(condition, what, timeout_s):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what} took longer than {timeout_s} s")
        time.sleep(0.05)


def write_settings(directory, settings):
    """Prints KEY=VALUE lines and leaves them in DIR/env."""
    text = "".join(f"{key}={value}\n" for key, value in settings.items())
    (directory / "env").write_text(text)
    print(text, end="", flush=True)


def read_settings(directory):
    try:
        text = (directory / "env").read_text()
    except FileNotFoundError:
        raise Failure(f"nothing was started in {directory}") from None
    return dict(line.split("=", 1) for line in text.splitlines())


class Server:
    """One server process and its keeper, known by three files in a directory:

    NAME.keeper  the keeper's pid; locked as long as the keeper lives
    NAME.pid     the server's pid; there as long as the server runs
    NAME.log     what the server writes
    """

    def __init__(self, directory, name):
        self.name = name
        self.log = directory / f"{name}.log"
        self.pid = directory / f"{name}.pid"
        self.keeper = directory / f"{name}.keeper"

    def start(self, argv, owner):
        """Starts the keeper, which starts the server and lives until `stop` or the owner's end."""
        if os.fork() == 0:
            try:
                keeper.Keeper(self, argv, owner).run()
            except BaseException:
                traceback.print_exc()  # into the server's log
            finally:
                os._exit(0)
        wait_until(self.keeper.exists, f"the start of {self.name}'s keeper (see {self.log})", timeout_s=10)

    def start_again(self):
        """Starts the server with the command it had, after it was killed or has ended."""
        self._ask(keeper.START_AGAIN)
        wait_until(self.pid.exists, f"the start of {self.name} (see {self.log})", timeout_s=10)

    def kill(self):
        """kill -9 for the server; its keeper stays."""
        self._ask(keeper.KILL)
        wait_until(lambda: not self.pid.exists(), f"the end of {self.name}", timeout_s=10)

    def stop(self):
        """Ends server and keeper at once and without a goodbye: what they hold is not meant to be used again."""
        if self.is_kept():
            self._ask(keeper.STOP)
            wait_until(lambda: not self.is_kept(), f"the end of {self.name}", timeout_s=10)

    def wait_until_ready(self, is_ready, timeout_s):
        """Waits for `is_ready()`; fails with the end of the log when the server ends before that."""

        def ready():
            running = self.pid.exists()
            if is_ready():
                return True
            if not running:
                end = "\n".join(self.written().splitlines()[-20:])
                raise Failure(f"{self.name} ended before it was ready; the end of {self.log}:\n{end}")
            return False

        wait_until(ready, f"the start of {self.name} (see {self.log})", timeout_s)

    def written(self, after=0):
        """What the server has written beyond the first `after` bytes of its log."""
        with open(self.log, "rb") as log:
            log.seek(after)
            return log.read().decode(errors="replace")

    def is_kept(self):
        """Whether the keeper lives. The lock says so, not the pid, which may be somebody else's by now."""
        try:
            with open(self.keeper, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _ask(self, request):
        if not self.is_kept():
            raise Failure(f"{self.name} does not run any more: it was stopped, or its owner has ended")
        os.kill(int(self.keeper.read_text()), request)
