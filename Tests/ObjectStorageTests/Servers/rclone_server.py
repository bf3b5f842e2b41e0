"""`rclone serve s3` on a directory of its own: prints where it listens, and ends when its input does."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

program = os.path.join(os.path.dirname(sys.executable), "rclone")
root = tempfile.mkdtemp(prefix="ai-team-rclone-")
os.mkdir(os.path.join(root, "vault-bucket"))
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(
    [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "AKIDRCLONE,secret-of-rclone",
     "--config", os.path.join(root, "none.conf"), "--log-level", "ERROR", root],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
try:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    greeting = {
        "endpoint": f"http://127.0.0.1:{port}", "bucket": "vault-bucket", "key": "AKIDRCLONE",
        "secret": "secret-of-rclone",
    }
    if server.poll() is None:
        print(json.dumps(greeting), flush=True)
        sys.stdin.read()
finally:
    server.terminate()
    server.wait()
    shutil.rmtree(root)
