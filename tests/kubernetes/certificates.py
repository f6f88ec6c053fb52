"""The certificates of one short-lived cluster, made by the openssl command in a folder of their own."""
import os
import subprocess

DAYS = "30"
# Who an API server is, for all who call it: on loopback, and by the names that clients inside a cluster use.
SERVER_NAMES = ("DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
                "DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.96.0.1")


class Authority:
    """One certificate authority and what it signs: NAME.crt and NAME.key in its folder."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.make_key(name)
        openssl("req", "-x509", "-new", "-key", self.key(name), "-subj", f"/CN={name}", "-days", DAYS,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature", "-out", self.certificate(name))

    def certificate(self, name=None):
        return os.path.join(self.folder, f"{name or self.name}.crt")

    def key(self, name):
        return os.path.join(self.folder, f"{name}.key")

    def make_key(self, name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key(name))

    def sign(self, name, subject, purpose, names=""):
        """A key and a certificate; purpose is clientAuth, serverAuth or both with a comma."""
        self.make_key(name)
        request = openssl("req", "-new", "-key", self.key(name), "-subj", subject)
        extensions = os.path.join(self.folder, f"{name}.extensions")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write(f"extendedKeyUsage={purpose}\n" + (f"subjectAltName={names}\n" if names else ""))
        openssl("x509", "-req", "-CA", self.certificate(), "-CAkey", self.key(self.name), "-days", DAYS,
                "-extfile", extensions, "-out", self.certificate(name), given=request)
        os.remove(extensions)

    def server(self, name, names=SERVER_NAMES):
        self.sign(name, f"/CN={name}", "serverAuth,clientAuth", names)

    def client(self, name, user, group=None):
        """A user as Kubernetes reads it from a certificate: the name in CN, a group in O."""
        self.sign(name, (f"/O={group}" if group else "") + f"/CN={user}", "clientAuth")


def signing_key(folder, name):
    """A key pair for service-account tokens: NAME.key and NAME.pub."""
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", os.path.join(folder, f"{name}.key"))
    openssl("ec", "-in", os.path.join(folder, f"{name}.key"), "-pubout", "-out", os.path.join(folder, f"{name}.pub"))


def openssl(*words, given=None):
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
