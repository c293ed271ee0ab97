package sample

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// identity is a self-signed certificate, as files and ready to use.
type identity struct {
	certificate, key string
	pair             tls.Certificate
	pool             *x509.CertPool
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	made := identity{
		certificate: filepath.Join(directory, "certificate.pem"), key: filepath.Join(directory, "key.pem"),
		pair: pair, pool: x509.NewCertPool(),
	}
	made.pool.AppendCertsFromPEM(certificate)
	for file, text := range map[string][]byte{made.certificate: certificate, made.key: private} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// meet tells what the server says of a client with these certificates.
func meet(t *testing.T, server *tls.Config, pool *x509.CertPool, certificates ...tls.Certificate) error {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	client := tls.Client(far, &tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: certificates})
	go func() {
		if client.Handshake() == nil {
			// The server's alert has to be read, or it would wait for a reader.
			_, _ = client.Read(make([]byte, 1))
		}
	}()
	_ = near.SetDeadline(time.Now().Add(10 * time.Second))
	return tls.Server(near, server).Handshake()
}

func TestTLSIsOffUnlessAsked(t *testing.T) {
	if TLSProvider() != nil {
		t.Error("there is a provider without KV_TLS_CERT")
	}
}

func TestTLSWithAnAuthorityDemandsTheHostsCertificate(t *testing.T) {
	plugin, host := newIdentity(t), newIdentity(t)
	t.Setenv("KV_TLS_CERT", plugin.certificate)
	t.Setenv("KV_TLS_KEY", plugin.key)
	open, err := TLSProvider()()
	if err != nil {
		t.Fatal(err)
	}
	if err := meet(t, open, plugin.pool); err != nil {
		t.Errorf("without an authority a host without certificate is refused: %v", err)
	}

	t.Setenv("KV_TLS_CA", host.certificate)
	closed, err := TLSProvider()()
	if err != nil {
		t.Fatal(err)
	}
	if err := meet(t, closed, plugin.pool, host.pair); err != nil {
		t.Errorf("the host that the authority signed is refused: %v", err)
	}
	if meet(t, closed, plugin.pool) == nil {
		t.Error("a host without certificate is let in")
	}
	if meet(t, closed, plugin.pool, newIdentity(t).pair) == nil {
		t.Error("a host of another authority is let in")
	}
}

func TestTLSSaysWhichFileIsMissing(t *testing.T) {
	t.Setenv("KV_TLS_CERT", filepath.Join(t.TempDir(), "none.pem"))
	t.Setenv("KV_TLS_KEY", filepath.Join(t.TempDir(), "none.pem"))
	if _, err := TLSProvider()(); err == nil {
		t.Error("a missing file is no error")
	}
}
