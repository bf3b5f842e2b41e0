"""Ends TLS for a port on loopback, under a fresh certificate for `localhost`; prints where it listens.
usage: tls_line.py TARGET-PORT CERTIFICATE KEY"""
import datetime
import select
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

target, certificate_path, key_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    .sign(key, hashes.SHA256())
)
with open(certificate_path, "wb") as file:
    file.write(certificate.public_bytes(serialization.Encoding.PEM))
with open(key_path, "wb") as file:
    file.write(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_2
context.load_cert_chain(certificate_path, key_path)


def serve(connection):
    """Both ways on one thread: an SSL connection of Python 3.11 can't be read and written at the same time."""
    try:
        with context.wrap_socket(connection, server_side=True) as inside, \
                socket.create_connection(("127.0.0.1", target)) as outside:
            sinks = {inside: outside, outside: inside}
            while True:
                ready = [inside] if inside.pending() else select.select(list(sinks), [], [])[0]
                for source in ready:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    sinks[source].sendall(data)
    except OSError:
        pass


listener = socket.create_server(("127.0.0.1", 0))
print(f"{listener.getsockname()[1]:5}", flush=True)


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
