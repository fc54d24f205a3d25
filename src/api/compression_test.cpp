#include "api/compression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "api/gzip_fixture.hpp"
#include "api/responses.hpp"

namespace pricewire::api {
namespace {

std::string header(const net::ServerResponse& response, std::string_view name) {
    const auto found = std::ranges::find_if(response.headers, [&](const auto& h) { return h.first == name; });
    return found == response.headers.end() ? std::string() : found->second;
}

std::string json_of(std::size_t bytes) {
    std::string out = "[";
    while (out.size() < bytes) out += "{\"number\":" + std::to_string(out.size()) + "},";
    out.back() = ']';
    return out;
}

net::ServerResponse compressed(std::string body, const std::string& accepts = "br, gzip",
                               std::string content_type = "application/json") {
    net::ServerRequest request;
    if (!accepts.empty()) request.headers.emplace_back("accept-encoding", accepts);
    net::ServerResponse response = json_response(200, std::move(body));
    response.content_type = std::move(content_type);
    response.headers.emplace_back("ETag", "\"1\"");
    compress(request, response);
    EXPECT_EQ(header(response, "ETag"), "\"1\"");
    return response;
}

TEST(Compression, OfALongJsonAnswerForAClientThatAcceptsIt) {
    for (const std::size_t size : {std::size_t{1024}, std::size_t{70'000}, std::size_t{2'000'000}}) {
        const std::string body = json_of(size);
        const auto response = compressed(body);
        EXPECT_EQ(header(response, "Content-Encoding"), "gzip");
        EXPECT_EQ(header(response, "Vary"), "Accept-Encoding");
        EXPECT_LT(response.body.size(), body.size() / 2);
        EXPECT_EQ(gunzip(response.body, body.size() + 1), body);
    }
}

TEST(Compression, AnswersVaryAlsoForThoseWhoDoNotAcceptIt) {
    const std::string body = json_of(5000);
    for (const char* accepts : {"", "br", "gzip;q=0", "identity"}) {
        const auto response = compressed(body, accepts);
        EXPECT_EQ(response.body, body) << accepts;
        EXPECT_EQ(header(response, "Content-Encoding"), "");
        EXPECT_EQ(header(response, "Vary"), "Accept-Encoding");
    }
}

TEST(Compression, WhatIsShortHugeNoJsonOrSharedIsLeftAsItIs) {
    for (const std::string& body : {json_of(900), json_of(5'000'000)}) {
        const auto response = compressed(body);
        EXPECT_EQ(response.body, body);
        EXPECT_EQ(header(response, "Vary"), "");
    }
    EXPECT_EQ(header(compressed(json_of(5000), "gzip", "text/html"), "Content-Encoding"), "");
    net::ServerRequest request;
    request.headers.emplace_back("accept-encoding", "gzip");
    net::ServerResponse shared = json_response(200, json_of(5000));
    shared.shared_body = std::make_shared<const std::string>("{}");
    compress(request, shared);
    EXPECT_EQ(header(shared, "Content-Encoding"), "");
    net::ServerResponse stream = json_response(200, json_of(5000));
    stream.stream = [](const std::shared_ptr<net::StreamPeer>&) { return std::function<void()>(); };
    compress(request, stream);
    EXPECT_EQ(header(stream, "Content-Encoding"), "");
}

}  // namespace
}  // namespace pricewire::api
