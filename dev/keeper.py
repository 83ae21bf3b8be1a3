"""The keeper: parent of one server, which it ends when nobody needs it any more.

It ends the server when it is told to, and when the owner is gone, however that ended. Should the keeper itself be
killed, the kernel kills the server. So nothing started here outlives the one it was started for, and nothing is ever
ended by its name.
"""

import fcntl
import os
import select
import signal
import socket
import subprocess

# What the keeper is asked by signal.
STOP, START_AGAIN, KILL = signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2


class Keeper:
    """Keeps `argv` running, known by the three files of a `servers.Server`, for `owner` (a pidfd, or None)."""

    def __init__(self, files, argv, owner):
        self._files = files
        # setpriv asks the kernel for the server's death should its parent, the keeper, die; then it becomes the server.
        self._argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        self._owner = owner
        self._server = None
        self._server_end = None

    def run(self):
        """Returns when the server has ended for good."""
        self._detach()
        requests = self._requests()
        self._start()
        try:
            with self._announced():
                while self._serve(requests):
                    pass
        finally:
            if self._server:
                self._server.kill()
                self._reap()

    def _serve(self, requests):
        """Waits for a request, the server's end or the owner's end, and answers it. False when all is over."""
        watched = [requests.fileno(), self._owner, self._server_end]
        ready, _, _ = select.select([each for each in watched if each is not None], [], [])
        if self._owner in ready:
            return False
        if self._server_end in ready:
            self._reap()
            return True
        request = requests.recv(1)[0]
        if request == KILL and self._server:
            self._server.kill()
        if request == START_AGAIN and not self._server:
            self._start()
        return request != STOP

    def _detach(self):
        """Leaves the caller's terminal, and its pipes, which would never close for a caller that reads to their end."""
        os.setsid()
        with open(os.devnull, "r+b") as nothing, open(self._files.log, "ab") as log:
            for stream, target in ((0, nothing), (1, log), (2, log)):
                os.dup2(target.fileno(), stream)

    @staticmethod
    def _requests():
        """A socket from which each signal that comes can be read as a byte."""
        requests, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.detach())
        for request in (STOP, START_AGAIN, KILL):
            signal.signal(request, lambda *_: None)
        return requests

    def _announced(self):
        """Writes and locks the keeper's file; who finds it unlocked knows that the keeper is gone."""
        draft = self._files.keeper.with_suffix(".keeper-draft")
        file = open(draft, "w", encoding="ascii")
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(str(os.getpid()))
        file.flush()
        draft.rename(self._files.keeper)
        return file

    def _start(self):
        self._server = subprocess.Popen(self._argv)
        self._server_end = os.pidfd_open(self._server.pid)
        # Renamed into place, so that nobody reads half a number.
        draft = self._files.pid.with_suffix(".pid-draft")
        draft.write_text(str(self._server.pid))
        draft.rename(self._files.pid)

    def _reap(self):
        """Buries a server that has ended or was killed. Its pid may be somebody else's after that, so its file goes first."""
        self._files.pid.unlink()
        self._server.wait()
        os.close(self._server_end)
        self._server = self._server_end = None
