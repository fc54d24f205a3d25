// Which bytes are a request and which are refused: one table, for the parser and for the server on a socket.
#include <gtest/gtest.h>

#include "base/mutex.hpp"
#include "net/detail/request_parser.hpp"
#include "support/raw_client.hpp"

namespace pricewire::net {
namespace {

using detail::RequestParser;

constexpr std::size_t header_limit = 2048;
constexpr std::size_t body_limit = 64;

// `status` 200: it is served, and the handler sees `seen`. Otherwise refused, and the connection closed.
struct Form {
    const char* name;
    std::string bytes;
    int status;
    std::string seen;
};

// Parts, so that a row shows only what is special about it.
std::string get(const std::string& fields, const std::string& line = "GET /p HTTP/1.1") {
    return line + "\r\nHost: h\r\n" + fields + "\r\n";
}
std::string target(const std::string& text) {
    return get("", "GET " + text + " HTTP/1.1");
}
std::string post(const std::string& fields, const std::string& body) {
    return "POST /p HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}
std::string host(const std::string& fields) {
    return "GET /p HTTP/1.1\r\n" + fields + "\r\n";
}
std::string chunked(const std::string& body) {
    return post("Transfer-Encoding: chunked\r\n", body);
}
std::string coded(const std::string& coding) {
    return post("Transfer-Encoding: " + coding + "\r\n", "0\r\n\r\n");
}
std::string sized(const std::string& length) {
    return post("Content-Length: " + length + "\r\n", "hello");
}
std::string many(std::size_t count, const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

const std::vector<Form>& forms() {
    static const std::string nul(1, '\0');
    static const std::vector<Form> all{
        // The request line.
        {"plain", get(""), 200, "GET h /p?"},
        {"one empty line before it", "\r\n" + get(""), 200, "GET h /p?"},
        {"two empty lines before it", "\r\n\r\n" + get(""), 400, ""},
        {"spaces before it", " " + get(""), 400, ""},
        {"two spaces", get("", "GET  /p HTTP/1.1"), 400, ""},
        {"a space after it", get("", "GET /p HTTP/1.1 "), 400, ""},
        {"a tab in it", get("", "GET\t/p HTTP/1.1"), 400, ""},
        {"bare LF after it", "GET /p HTTP/1.1\nHost: h\r\n\r\n", 400, ""},
        {"bare CR in it", "GET /p\r HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
        {"no method", get("", " /p HTTP/1.1"), 400, ""},
        {"a method that is no token", get("", "G(T /p HTTP/1.1"), 400, ""},
        {"an unknown method", get("", "BREW /p HTTP/1.1"), 200, "BREW h /p?"},
        {"CONNECT", get("", "CONNECT h:443 HTTP/1.1"), 501, ""},
        {"another protocol", "\x16\x03\x01 and more\r\n\r\n", 400, ""},
        {"HTTP/0.9 without a version", "GET /p\r\n\r\n", 400, ""},
        {"HTTP/0.9", get("", "GET /p HTTP/0.9"), 505, ""},
        {"HTTP/1.0 without a host", "GET /p HTTP/1.0\r\n\r\n", 200, "GET  /p?"},
        {"HTTP/1.2", get("", "GET /p HTTP/1.2"), 505, ""},
        {"HTTP/2.0", get("", "GET /p HTTP/2.0"), 505, ""},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
        {"a version of two digits", get("", "GET /p HTTP/1.10"), 400, ""},
        {"a version in lower case", get("", "GET /p http/1.1"), 400, ""},
        {"an endless method", std::string(header_limit, 'G'), 0, ""},
        {"a method over the limit", std::string(header_limit + 1, 'G'), 431, ""},
        {"a target over the limit", target("/" + std::string(header_limit, 'x')), 431, ""},
        // The target.
        {"a query", target("/p?a=b?c"), 200, "GET h /p?a=b?c"},
        {"absolute", target("http://Other.example:80/p?q"), 200, "GET other.example /p?q"},
        {"absolute, without a path", target("HTTPS://o?q"), 200, "GET o /?q"},
        {"absolute, of another scheme", target("ftp://h/p"), 400, ""},
        {"absolute, with a user", target("http://user@h/p"), 400, ""},
        {"absolute, without a host", target("http:///p"), 400, ""},
        {"absolute, with a wrong port", target("http://h:x/p"), 400, ""},
        {"absolute, without a Host header", "GET http://h/p HTTP/1.1\r\n\r\n", 400, ""},
        {"asterisk", get("", "OPTIONS * HTTP/1.1"), 200, "OPTIONS h *?"},
        {"asterisk for GET", target("*"), 400, ""},
        {"authority", target("h:80"), 400, ""},
        {"relative", target("p"), 400, ""},
        {"a fragment", target("/p#f"), 400, ""},
        {"no ASCII", target("/\xc3\xa9"), 400, ""},
        {"a control character", target("/\x01"), 400, ""},
        {"DEL", target("/\x7f"), 400, ""},
        {"a space", target("/p q"), 400, ""},
        // Fields.
        {"an empty value", get("X:\r\n"), 200, "GET h /p?"},
        {"bytes beyond ASCII in a value", get("X: \xc3\xa9\r\n"), 200, "GET h /p?"},
        {"a space before the colon", get("X : y\r\n"), 400, ""},
        {"a space in a name", get("X Y: z\r\n"), 400, ""},
        {"an empty name", get(": y\r\n"), 400, ""},
        {"no colon", get("X\r\n"), 400, ""},
        {"a folded value", get("X: y\r\n z\r\n"), 400, ""},
        {"a tab before the first field", "GET /p HTTP/1.1\r\n\tX: y\r\nHost: h\r\n\r\n", 400, ""},
        {"bare LF after a field", get("X: y\n"), 400, ""},
        {"bare CR in a value", get("X: y\rz: w\r\n"), 400, ""},
        {"CR CR LF", get("X: y\r\r\n"), 400, ""},
        {"bare LF at the end", "GET /p HTTP/1.1\r\nHost: h\r\n\n", 400, ""},
        {"NUL in a value", get("X: y" + nul + "\r\n"), 400, ""},
        {"NUL in a name", get("X" + nul + ": y\r\n"), 400, ""},
        {"a control character in a value", get("X: \x0b\r\n"), 400, ""},
        {"no ASCII in a name", get("\xc3\xa9: y\r\n"), 400, ""},
        {"as many fields as there may be", get(many(99, "X:\r\n")), 200, "GET h /p?"},
        {"one more", get(many(100, "X:\r\n")), 431, ""},
        {"a field over the limit", get("X: " + std::string(header_limit, 'x') + "\r\n"), 431, ""},
        // The host.
        {"no host", host(""), 400, ""},
        {"two hosts", host("Host: a\r\nHost: b\r\n"), 400, ""},
        {"the same host twice", host("Host: a\r\nhost: a\r\n"), 400, ""},
        {"two hosts in HTTP/1.0", "GET /p HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
        {"an empty host", host("Host:\r\n"), 400, ""},
        {"a host with a port", host("Host: A.b-c_d:8000\r\n"), 200, "GET a.b-c_d /p?"},
        {"a host with an empty port", host("Host: a:\r\n"), 200, "GET a /p?"},
        {"a host with a port too large", host("Host: a:65536\r\n"), 400, ""},
        {"a host with two ports", host("Host: a:1:2\r\n"), 400, ""},
        {"a host with a path", host("Host: a/b\r\n"), 400, ""},
        {"a host with a user", host("Host: a@b\r\n"), 400, ""},
        {"a list of hosts", host("Host: a, b\r\n"), 400, ""},
        {"IPv6", host("Host: [FD00::1]:80\r\n"), 200, "GET fd00::1 /p?"},
        {"IPv6 without brackets", host("Host: fd00::1\r\n"), 400, ""},
        {"IPv6 that does not end", host("Host: [fd00::1\r\n"), 400, ""},
        {"no IPv6 in brackets", host("Host: [a]\r\n"), 400, ""},
        // Content-Length.
        {"a body", sized("5"), 200, "POST h /p?hello"},
        {"zeros before the length", sized("005"), 200, "POST h /p?hello"},
        {"an empty length", sized(""), 400, ""},
        {"a signed length", sized("+5"), 400, ""},
        {"a negative length", sized("-5"), 400, ""},
        {"a hexadecimal length", sized("0x5"), 400, ""},
        {"a length with a fraction", sized("5.0"), 400, ""},
        {"a length with a space", sized("5 5"), 400, ""},
        {"a list of lengths", sized("5, 5"), 400, ""},
        {"the same length twice", sized("5\r\nContent-Length: 5"), 400, ""},
        {"two lengths", sized("5\r\nContent-Length: 6"), 400, ""},
        {"a space before the colon of the length", post("Content-Length : 5\r\n", "hello"), 400, ""},
        {"a length over the limit", sized("65"), 413, ""},
        {"a length over all limits", sized("99999999999999999999999"), 413, ""},
        {"a length of 2^64 and 5", sized("18446744073709551621"), 413, ""},
        // Transfer-Encoding.
        {"chunked", chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 200, "POST h /p?abcde"},
        {"chunked in upper case", coded("CHUNKED"), 200, "POST h /p?"},
        {"xchunked", coded("xchunked"), 400, ""},
        {"identity", coded("identity"), 400, ""},
        {"no coding", coded(""), 400, ""},
        {"chunked with a parameter", coded("chunked;q=1"), 400, ""},
        {"chunked in quotes", coded("\"chunked\""), 400, ""},
        {"chunked after a vertical tab",
         coded("\x0b"
               "chunked"),
         400, ""},
        {"chunked and a comma", coded("chunked,"), 400, ""},
        {"chunked twice", coded("chunked, chunked"), 400, ""},
        {"chunked first", coded("chunked, gzip"), 400, ""},
        {"gzip alone", coded("gzip"), 400, ""},
        {"gzip and chunked", coded("gzip, chunked"), 501, ""},
        {"two lines of it", coded("chunked\r\nTransfer-Encoding: chunked"), 400, ""},
        {"two lines, one of them unknown", coded("chunked\r\nTransfer-Encoding: x"), 400, ""},
        {"folded", coded("\r\n chunked"), 400, ""},
        {"a space before its colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400, ""},
        {"and a length", coded("chunked\r\nContent-Length: 5"), 400, ""},
        {"after a length", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, ""},
        {"in HTTP/1.0", "POST /p HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         ""},
        // Chunks.
        {"a large size in hexadecimal", chunked("00A\r\n0123456789\r\n0\r\n\r\n"), 200,
         "POST h /p?0123456789"},
        {"an extension", chunked("1;a=b\r\nx\r\n0;c\r\n\r\n"), 200, "POST h /p?x"},
        {"an extension after a space", chunked("1 ;a\r\nx\r\n0\r\n\r\n"), 200, "POST h /p?x"},
        {"a trailer", chunked("1\r\nx\r\n0\r\nX: y\r\n\r\n"), 200, "POST h /p?x"},
        {"the smallest chunks", chunked(many(body_limit, "1\r\nx\r\n") + "0\r\n\r\n"), 200,
         "POST h /p?" + std::string(body_limit, 'x')},
        {"no size", chunked("\r\n\r\n"), 400, ""},
        {"an extension without a size", chunked(";a\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a size with 0x", chunked("0x1\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a signed size", chunked("+1\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a negative size", chunked("-1\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a space before the size", chunked(" 1\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a space after the size", chunked("1 \r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a word after the size", chunked("1 x\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a size of 17 digits", chunked("00000000000000001\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"a size of 2^64 - 1", chunked("ffffffffffffffff\r\nx\r\n0\r\n\r\n"), 413, ""},
        {"chunks over the limit", chunked("40\r\n" + std::string(64, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413,
         ""},
        {"bare LF after a size", chunked("1\nx\r\n0\r\n\r\n"), 400, ""},
        {"bare CR in an extension", chunked("1;a\rb\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"bare LF in an extension", chunked("1;a\nb\r\nx\r\n0\r\n\r\n"), 400, ""},
        {"no CR LF after a chunk", chunked("1\r\nx0\r\n\r\n"), 400, ""},
        {"bare LF after a chunk", chunked("1\r\nx\n0\r\n\r\n"), 400, ""},
        {"bare LF after the last chunk", chunked("0\n\r\n"), 400, ""},
        {"bare LF at the very end", chunked("0\r\n\n"), 400, ""},
        {"a trailer that is no field", chunked("0\r\nGET /q HTTP/1.1\r\n\r\n"), 400, ""},
        {"a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), 400, ""},
        {"a finished extension over the limit",
         chunked("1;" + std::string(header_limit, 'x') + "\r\nx\r\n0\r\n\r\n"), 431, ""},
        {"extensions over the limit in all",
         chunked(many(33, "1;" + std::string(62, 'x') + "\r\nx\r\n") + "0\r\n\r\n"), 431, ""},
        {"a trailer over the limit", chunked("0\r\nX: " + std::string(header_limit, 'x') + "\r\n\r\n"), 431,
         ""},
        {"trailers over the limit in all", chunked("0\r\n" + many(header_limit / 4, "X:\r\n") + "\r\n"), 431,
         ""},
        // Expectations.
        {"an unknown expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "x"), 417, ""},
        {"one of two unknown", post("Expect: 100-continue, x\r\nContent-Length: 1\r\n", "x"), 417, ""},
        {"an expectation in HTTP/1.0", "GET /p HTTP/1.0\r\nExpect: x\r\n\r\n", 200, "GET  /p?"},
    };
    return all;
}

constexpr RequestParser::Limits limits{.header_bytes = header_limit, .body_bytes = body_limit};
const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

std::string shown(const ServerRequest& r) {
    return r.method + " " + r.host + " " + r.path + "?" + r.query + r.body;
}

// What a parser that is given pieces of `size` bytes makes of it.
std::string parsed(const std::string& bytes, std::size_t size) {
    RequestParser parser(limits);
    for (std::size_t at = 0; at < bytes.size() && !parser.done() && !parser.refusal(); at += size) {
        const auto piece = std::string_view(bytes).substr(at, size);
        const std::size_t taken = parser.take(piece);
        EXPECT_TRUE(taken == piece.size() || parser.done() || parser.refusal());
    }
    if (parser.refusal()) return std::to_string(parser.refusal()->status) + " ";
    return parser.done() ? "200 " + shown(parser.release()) : "0 ";
}

TEST(HttpFraming, EachFormHasItsAnswerWhateverPiecesItComesIn) {
    for (const Form& form : forms()) {
        const std::string expected = std::to_string(form.status) + " " + form.seen;
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100'000}}) {
            EXPECT_EQ(parsed(form.bytes, size), expected) << form.name << ", in pieces of " << size;
        }
    }
}

TEST(HttpFraming, NothingAfterARefusedRequestIsServed) {
    Mutex mutex;
    std::vector<std::string> seen;
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.max_header_bytes = header_limit;
    options.max_body_bytes = body_limit;
    const auto server =
        create_http_server(options, [&](ServerRequest&& request, HttpServer::Respond respond) {
            MutexLock lock(mutex);
            seen.push_back(shown(request));
            respond({.content_type = "text/plain"});
        });
    ASSERT_TRUE(server);
    for (const Form& form : forms()) {
        if (form.status == 0) continue;
        const test::RawClient client((*server)->port());
        client.put(form.bytes + hidden);
        client.end();
        const std::string answer = client.rest();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(form.status))) << form.name << answer;
        MutexLock lock(mutex);
        if (form.status == 200) {
            // An old client's connection ends with its answer.
            const bool old = form.bytes.contains("HTTP/1.0\r\n");
            ASSERT_EQ(seen.size(), old ? 1U : 2U) << form.name;
            EXPECT_EQ(seen[0], form.seen) << form.name;
        } else {
            EXPECT_TRUE(answer.contains("\r\nConnection: close\r\n")) << form.name;
            EXPECT_FALSE(answer.contains("HTTP/1.1 200")) << form.name << answer;
            EXPECT_EQ(seen, std::vector<std::string>{}) << form.name;
        }
        seen.clear();
    }
}

TEST(HttpFraming, AContinueIsSentOnceAndOnlyWhereTheBodyWaits) {
    const auto waits = [](const std::string& bytes) {
        RequestParser parser(limits);
        parser.take(bytes);
        return parser.head_done() && parser.expects_continue();
    };
    EXPECT_TRUE(waits(post("Expect: 100-continue\r\nContent-Length: 5\r\n", "")));
    EXPECT_TRUE(waits(post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "")));
    EXPECT_TRUE(waits(post("EXPECT: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n", "")));
    EXPECT_FALSE(waits(post("Content-Length: 5\r\n", "")));
    EXPECT_FALSE(waits(post("Expect: 100-continue\r\nContent-Length: 5\r\n", "h"))) << "it has begun to come";
    EXPECT_FALSE(waits(post("Expect: 100-continue\r\n", ""))) << "there is none";
    EXPECT_FALSE(waits("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
}

TEST(HttpFraming, AConnectionIsKeptAsItsVersionAndHeadersSay) {
    const auto kept = [](const std::string& version, const std::string& fields) {
        RequestParser parser(limits);
        parser.take("GET / HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n");
        EXPECT_TRUE(parser.done());
        return parser.keep_alive();
    };
    EXPECT_TRUE(kept("1.1", ""));
    EXPECT_FALSE(kept("1.1", "Connection: x, Close\r\n"));
    EXPECT_FALSE(kept("1.1", "Connection: x\r\nConnection: close\r\n"));
    EXPECT_FALSE(kept("1.0", ""));
    EXPECT_TRUE(kept("1.0", "Connection: Keep-Alive\r\n"));
}

}  // namespace
}  // namespace pricewire::net
