#include "api/static_files.hpp"

#include <fstream>
#include <iterator>

#include "api/api_fixture.hpp"
#include "api/gzip_fixture.hpp"
#include "api/http_lists.hpp"

namespace pricewire::api {

// src/api/testdata/site, and a folder that does not exist.
std::span<const StaticFile> embedded_test_site();
std::span<const StaticFile> embedded_nothing();

namespace {

std::string site_file(const std::string& path) {
    std::ifstream in(std::string(PRICEWIRE_SOURCE_DIR) + "/src/api/testdata/site/" + path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

class PageTest : public ApiTest {
protected:
    static constexpr const char* script = "/assets/script-1f2e3d4c.js";
    PageTest() { options_.page = embedded_test_site(); }
};

TEST_F(PageTest, TheHomePageHasAPolicyWithoutOtherHosts) {
    const Answer page = call("GET", "/");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.response.content_type, "text/html; charset=utf-8");
    EXPECT_EQ(page.body, site_file("index.html"));
    EXPECT_EQ(page.header("Cache-Control"), "no-cache") << "returning clients get the newest page";
    EXPECT_EQ(page.header("Content-Encoding"), "");
    EXPECT_EQ(page.header("Vary"), "Accept-Encoding");
    EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(page.header("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(
        page.header("Content-Security-Policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

TEST_F(PageTest, FilesWithAHashInTheirNameAreCachedForever) {
    const Answer file = call("GET", script);
    EXPECT_EQ(file.status, 200);
    EXPECT_EQ(file.response.content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(file.body, site_file("assets/script-1f2e3d4c.js"));
    EXPECT_EQ(file.header("Cache-Control"), "public, max-age=31536000, immutable");
}

TEST_F(PageTest, TheServiceWorkerIsBesideThePageAndNeverOlderThanIt) {
    const Answer worker = call("GET", "/sw.js");
    EXPECT_EQ(worker.status, 200);
    EXPECT_EQ(worker.response.content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(worker.body, site_file("sw.js"));
    EXPECT_EQ(worker.header("Cache-Control"), "no-cache");
}

TEST_F(PageTest, IsGzippedIfTheClientAcceptsIt) {
    const Answer zipped = call("GET", script, {}, {{"accept-encoding", "br, gzip"}});
    EXPECT_EQ(zipped.header("Content-Encoding"), "gzip");
    EXPECT_EQ(gunzip(zipped.body, 100'000), site_file("assets/script-1f2e3d4c.js"));
    EXPECT_NE(zipped.header("ETag"), call("GET", script).header("ETag"));
}

TEST_F(PageTest, IsNotSentAgainToClientsThatHaveIt) {
    for (const char* path : {"/", script, "/sw.js"}) {
        for (const char* coding : {"gzip", "identity"}) {
            const net::Headers first{{"accept-encoding", coding}};
            const std::string etag = call("GET", path, {}, first).header("ETag");
            net::Headers again = first;
            again.emplace_back("if-none-match", "\"other\", W/" + etag);
            for (const char* method : {"GET", "HEAD"}) {
                const Answer same = call(method, path, {}, again);
                EXPECT_EQ(same.status, 304);
                EXPECT_EQ(same.body, "");
                EXPECT_EQ(same.header("ETag"), etag);
                EXPECT_NE(same.header("Cache-Control"), "no-store");
            }
            again.back().second = "\"other\"";
            EXPECT_EQ(call("GET", path, {}, again).status, 200);
        }
    }
}

TEST_F(PageTest, MissingFilesAre404AndNothingElseIsReachable) {
    for (const char* path : {"/assets/nothing.js", "/assets/..%2Findex.html", "/assets/", "/assets",
                             "/assets/a/b.js", "/index.html"}) {
        expect_error(call("GET", path), 404, "Not Found");
    }
    expect_error(call("POST", script), 405, "Method Not Allowed");
}

TEST_F(PageTest, WithoutThePageTheHomePageSaysHowToBuildIt) {
    EXPECT_TRUE(embedded_nothing().empty());
    options_.page = embedded_nothing();
    const Answer home = call("GET", "/");
    EXPECT_EQ(home.status, 200);
    EXPECT_TRUE(home.has("scripts/build-web"));
    EXPECT_TRUE(home.has("href=\"/docs\""));
    for (const char* path : {script, "/sw.js"}) expect_error(call("GET", path), 404, "Not Found");
}

TEST(StaticSite, ADamagedFileIsRejected) {
    StaticFile broken = embedded_test_site().front();
    broken.gzip.remove_suffix(5);
    EXPECT_THROW(StaticSite({&broken, 1}, ""), std::runtime_error);
}

TEST(HttpLists, GzipIsUsedOnlyIfListed) {
    const std::pair<const char*, bool> headers[] = {
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"deflate, gzip;q=0.5", true},
        {"*", true},
        {"br,*;q=0.1", true},
        {"", false},
        {"br", false},
        {"gzip;q=0", false},
        {"gzip; q=0.000", false},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"*;q=0, gzip", true},
        {"identity", false},
        {" , ,gzip", true},
        {"gzipped", false},
        {"gzip;level=1;q=0", false},
    };
    for (const auto& [text, accepted] : headers) {
        const std::string header = text;
        EXPECT_EQ(accepts_gzip(&header), accepted) << header;
    }
    EXPECT_FALSE(accepts_gzip(nullptr));
}

TEST(HttpLists, FindsATagInAList) {
    const std::pair<const char*, bool> headers[] = {
        {"\"a\"", true},  {"W/\"a\"", true}, {"\"b\", \"a\"", true}, {"*", true},
        {"\"b\"", false}, {"", false},       {"a", false},           {"\"ab\"", false},
    };
    for (const auto& [text, named] : headers) {
        const std::string header = text;
        EXPECT_EQ(names_etag(&header, "\"a\""), named) << header;
    }
    EXPECT_FALSE(names_etag(nullptr, "\"a\""));
}

}  // namespace
}  // namespace pricewire::api
