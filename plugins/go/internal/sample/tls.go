package sample

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLSProvider returns go-plugin's TLSProvider when KV_TLS_CERT and KV_TLS_KEY name PEM files, else nil. With
// KV_TLS_CA the plugin also demands a certificate of the host that this authority signed.
func TLSProvider() func() (*tls.Config, error) {
	certificate, key, authority := os.Getenv("KV_TLS_CERT"), os.Getenv("KV_TLS_KEY"), os.Getenv("KV_TLS_CA")
	if certificate == "" && key == "" {
		return nil
	}
	return func() (*tls.Config, error) {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("KV_TLS_CERT and KV_TLS_KEY: %w", err)
		}
		config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		if authority == "" {
			return config, nil
		}
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, fmt.Errorf("KV_TLS_CA: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("KV_TLS_CA: no certificate in %s", authority)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		return config, nil
	}
}
