#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "net/server_fixture.hpp"

namespace pricewire::net {

// A certificate authority made for the test, and servers with its certificates.
class TlsFixture {
public:
    TlsFixture()
        : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free),
          ca_(certificate("Test CA " + std::to_string(reinterpret_cast<std::uintptr_t>(this)), "", 3600,
                          true)) {
        std::string name = (std::filesystem::temp_directory_path() / "pricewire-ca-XXXXXX").string();
        const int fd = mkstemp(name.data());
        FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
        if (file == nullptr || PEM_write_X509(file, ca_.get()) != 1 || fclose(file) != 0)
            throw std::runtime_error("cannot write a test's certificate");
        ca_file_ = name;
    }
    ~TlsFixture() { std::filesystem::remove(ca_file_); }
    const std::string& ca_file() const { return ca_file_; }

    // Serves one connection after another with a certificate for `names` (as in "DNS:a.test,IP:127.0.0.1")
    // that is valid until `seconds` from now, or was valid until then.
    std::function<void(int)> serving(const std::string& names, long seconds,
                                     const std::string& answer) const {
        return accepting(names, seconds, [answer](SSL* tls) {
            char buffer[4096];
            while (SSL_read(tls, buffer, sizeof buffer) > 0)
                SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
        });
    }
    // The same in front of a server without TLS at this port of 127.0.0.1.
    std::function<void(int)> forwarding(const std::string& names, std::uint16_t port) const {
        return accepting(names, 3600, [port](SSL* tls) {
            const int plain = connect_to(port);
            pollfd ends[2] = {{SSL_get_fd(tls), POLLIN, 0}, {plain, POLLIN, 0}};
            char buffer[4096];
            while (SSL_pending(tls) > 0 || poll(ends, 2, -1) > 0) {
                if (SSL_pending(tls) > 0 || ends[0].revents != 0) {
                    const int n = SSL_read(tls, buffer, sizeof buffer);
                    if (n <= 0 || !put(plain, std::string(buffer, static_cast<std::size_t>(n)))) break;
                } else {
                    const ssize_t n = recv(plain, buffer, sizeof buffer, 0);
                    if (n <= 0 || SSL_write(tls, buffer, static_cast<int>(n)) <= 0) break;
                }
            }
            close(plain);
        });
    }

private:
    using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

    std::function<void(int)> accepting(const std::string& names, long seconds,
                                       const std::function<void(SSL*)>& serve) const {
        const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
        const auto own = certificate("Pricewire test", names, seconds, false);
        SSL_CTX_use_certificate(context.get(), own.get());
        SSL_CTX_use_PrivateKey(context.get(), key_.get());
        return [context, serve](int fd) {
            const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), &SSL_free);
            SSL_set_fd(tls.get(), fd);
            // OpenSSL writes without MSG_NOSIGNAL.
            sigset_t broken_pipe;
            sigemptyset(&broken_pipe);
            sigaddset(&broken_pipe, SIGPIPE);
            pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
            if (SSL_accept(tls.get()) == 1) serve(tls.get());
            ERR_clear_error();
        };
    }

    Certificate certificate(const std::string& subject, const std::string& names, long seconds,
                            bool authority) const {
        Certificate out(X509_new(), &X509_free);
        X509* c = out.get();
        X509_set_version(c, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(c), std::time(nullptr) + seconds + (authority ? 0 : 1));
        X509_gmtime_adj(X509_getm_notBefore(c), -86400 * 30);
        X509_gmtime_adj(X509_getm_notAfter(c), seconds);
        X509_set_pubkey(c, key_.get());
        X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
        X509_set_issuer_name(c, X509_get_subject_name(authority ? c : ca_.get()));
        const auto extend = [c](int what, const char* value) {
            X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
            X509_add_ext(c, extension, -1);
            X509_EXTENSION_free(extension);
        };
        extend(NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
        if (!names.empty()) extend(NID_subject_alt_name, names.c_str());
        if (X509_sign(c, key_.get(), EVP_sha256()) == 0)
            throw std::runtime_error("cannot sign a certificate");
        return out;
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
    Certificate ca_;
    std::string ca_file_;
};

}  // namespace pricewire::net
