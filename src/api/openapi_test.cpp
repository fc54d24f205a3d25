// openapi.yaml matches the routes; the pages that show it.
#include <boost/json.hpp>
#include <map>
#include <set>

#include "api/api_fixture.hpp"
#include "api/embedded.hpp"
#include "api/routes.hpp"
#include "webhook/template.hpp"

namespace pricewire::api {

// src/api/testdata/site.
std::span<const StaticFile> embedded_test_site();

namespace {

namespace json = boost::json;

// The target of a "$ref", or the value itself.
const json::object& resolved(const json::value& document, const json::value& value) {
    const json::object& object = value.as_object();
    const json::value* reference = object.if_contains("$ref");
    if (reference == nullptr) return object;
    boost::system::error_code error;
    const json::value* found =
        document.find_pointer(std::string_view(reference->as_string()).substr(1), error);
    if (found == nullptr) throw std::runtime_error("nothing at " + std::string(reference->as_string()));
    return found->as_object();
}

// "/a/{id}/b" in the form of the routes, "/a/{}/b".
std::string pattern_of(std::string_view path) {
    std::string out;
    bool inside = false;
    for (const char c : path) {
        if (c == '}') inside = false;
        if (!inside) out += c;
        if (c == '{') inside = true;
    }
    return out == "/" ? "" : out;
}

bool has_example(const json::object& media) {
    const json::value* many = media.if_contains("examples");
    return media.contains("example") || (many != nullptr && !many->as_object().empty());
}

class OpenApiTest : public testing::Test {
protected:
    OpenApiTest() {
        for (const auto& [path, item] : document_.at("paths").as_object()) {
            for (const char* method : {"get", "post", "put", "patch", "delete"}) {
                const json::value* operation = item.as_object().if_contains(method);
                if (operation == nullptr) continue;
                std::string verb(method);
                for (char& c : verb) c = static_cast<char>(c - 'a' + 'A');
                operations_[verb + " " + pattern_of(path)] = &operation->as_object();
            }
        }
    }
    const json::value document_ = json::parse(embedded_openapi_json());
    std::map<std::string, const json::object*> operations_;  // by method and path
};

TEST_F(OpenApiTest, DescribesExactlyTheExistingRoutes) {
    std::set<std::string> routes{"GET /metrics"};  // served outside the API
    for (const Route& route : all_routes()) {
        routes.insert(std::string(route.method) + " " + std::string(route.path));
    }
    std::set<std::string> described;
    for (const auto& [name, operation] : operations_) described.insert(name);
    EXPECT_EQ(described, routes);
}

TEST_F(OpenApiTest, KeysAndLimitsMatchTheRoutes) {
    for (const Route& route : all_routes()) {
        const std::string name = std::string(route.method) + " " + std::string(route.path);
        const auto found = operations_.find(name);
        if (found == operations_.end()) continue;
        const json::object& operation = *found->second;
        const json::object& responses = operation.at("responses").as_object();
        const json::value* security = operation.if_contains("security");
        EXPECT_EQ(security != nullptr && security->as_array().empty(), route.access != Access::key) << name;
        EXPECT_EQ(responses.contains("401"), route.access == Access::key) << name;
        if (route.access == Access::sign_up) {
            EXPECT_TRUE(responses.contains("403")) << name;
        }
        EXPECT_EQ(responses.contains("429"), route.limit != Limit::none) << name;
    }
}

TEST_F(OpenApiTest, EveryOperationListsTheResponsesOfTheServerItself) {
    for (const auto& [name, operation] : operations_) {
        for (const char* status : {"400", "408", "413", "431", "500"}) {
            EXPECT_TRUE(operation->at("responses").as_object().contains(status)) << name << ' ' << status;
        }
    }
}

TEST_F(OpenApiTest, EveryBodyAndEveryHeaderHasAnExample) {
    for (const auto& [name, operation] : operations_) {
        if (const json::value* body = operation->if_contains("requestBody")) {
            for (const auto& media : body->at("content").as_object()) {
                EXPECT_TRUE(has_example(media.value().as_object())) << name;
            }
        }
        for (const auto& [status, response] : operation->at("responses").as_object()) {
            const json::object& answer = resolved(document_, response);
            if (const json::value* content = answer.if_contains("content")) {
                for (const auto& media : content->as_object()) {
                    EXPECT_TRUE(has_example(media.value().as_object())) << name << ' ' << status;
                }
            }
            const json::value* headers = answer.if_contains("headers");
            if (headers == nullptr) continue;
            for (const auto& header : headers->as_object()) {
                EXPECT_TRUE(resolved(document_, header.value()).contains("example")) << header.key();
            }
        }
    }
}

TEST_F(OpenApiTest, TextsOfAlertsHaveTheLimitsThatAreChecked) {
    const json::object& schemas = document_.at("components").at("schemas").as_object();
    for (const char* schema : {"NewAlert", "ChangedAlert"}) {
        const json::value& members = schemas.at(schema).at("properties");
        EXPECT_EQ(members.at("note").at("maxLength").to_number<std::size_t>(), webhook::max_note) << schema;
        EXPECT_EQ(members.at("message").at("maxLength").to_number<std::size_t>(), webhook::max_message)
            << schema;
    }
}

class ReferenceTest : public ApiTest {
protected:
    ReferenceTest() { options_.reference = embedded_test_site(); }
};

TEST_F(ReferenceTest, IsServedUnderAPolicyWithoutOtherHosts) {
    const Answer page = call("GET", "/docs");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.response.content_type, "text/html; charset=utf-8");
    EXPECT_EQ(page.body, call("GET", "/docs/index.html").body);
    EXPECT_EQ(page.header("Content-Security-Policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
              "'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    expect_error(call("GET", "/docs/nothing.js"), 404, "Not Found");
    expect_error(call("GET", "/docs/assets/script-1f2e3d4c.js"), 404, "Not Found");
    for (const char* path : {"/docs", "/docs/index.html"}) {
        EXPECT_EQ(call("GET", path, {}, {{"if-none-match", page.header("ETag")}}).status, 304);
    }
}

TEST_F(ReferenceTest, ThePlainReferenceRemainsAvailable) {
    const Answer plain = call("GET", "/docs/plain");
    EXPECT_EQ(plain.status, 200);
    EXPECT_TRUE(plain.has("createAlert"));
    EXPECT_FALSE(plain.has("<script"));
    options_.reference = {};
    api_ = nullptr;
    EXPECT_EQ(call("GET", "/docs").body, plain.body) << "if Swagger UI was not built";
}

TEST_F(ReferenceTest, AsBuiltItLoadsOnlyItsOwnFiles) {
    options_.reference = embedded_reference();
    if (options_.reference.empty()) GTEST_SKIP() << "scripts/build-docs has not been run";
    const Answer page = call("GET", "/docs");
    std::size_t files = 0;
    for (const char* attribute : {" src=\"", " href=\""}) {
        for (std::size_t at = 0; (at = page.body.find(attribute, at)) != std::string::npos;) {
            at += std::string_view(attribute).size();
            const std::string target = page.body.substr(at, page.body.find('"', at) - at);
            if (target == "data:,") continue;
            EXPECT_TRUE(target.starts_with('/') && !target.starts_with("//")) << target;
            EXPECT_EQ(call("GET", target).status, 200) << target;
            files += target.starts_with("/docs/") ? 1 : 0;
        }
    }
    EXPECT_GE(files, 4u);
    EXPECT_FALSE(page.has("<script>")) << "the policy blocks inline scripts";
    EXPECT_FALSE(page.has("<style"));
}

TEST(PrismTest, EveryListedTestExists) {
    std::set<std::string> tests;
    const auto& all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
        const auto& suite = *all.GetTestSuite(i);
        for (int j = 0; j < suite.total_test_count(); ++j) {
            tests.insert(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
        }
    }
    for (const std::string_view listed : test::Prism::listed_tests()) {
        EXPECT_TRUE(tests.contains(std::string(listed))) << listed;
    }
}

}  // namespace
}  // namespace pricewire::api
