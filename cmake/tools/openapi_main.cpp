// openapi-embed <openapi.yaml> <out.cpp>: converts the API's description into a source file that contains it
// as JSON and as HTML. Runs at build time, so the server needs neither YAML nor templates.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.hpp"

namespace {

using pricewire::JsonWriter;

// Types a plain scalar by the core schema of YAML 1.2, section 10.3.2; a quoted one is always a string.
void write_scalar(JsonWriter& w, const YAML::Node& node) {
    const std::string& text = node.Scalar();
    const bool plain = node.Tag() == "?";
    if (plain && (text == "true" || text == "false")) {
        w.value(text == "true");
    } else if (plain && (text == "null" || text == "~" || text.empty())) {
        w.value(nullptr);
    } else if (plain && text.find_first_not_of("0123456789.-") == std::string::npos &&
               pricewire::Decimal::parse(text)) {
        w.raw(text);
    } else {
        w.value(text);
    }
}

void write_json(JsonWriter& w, const YAML::Node& node) {
    if (node.IsMap()) {
        w.begin_object();
        for (const auto& entry : node) {
            w.key(entry.first.Scalar());
            write_json(w, entry.second);
        }
        w.end_object();
    } else if (node.IsSequence()) {
        w.begin_array();
        for (const auto& item : node) write_json(w, item);
        w.end_array();
    } else if (node.IsScalar()) {
        write_scalar(w, node);
    } else {
        w.value(nullptr);
    }
}

std::string json_of(const YAML::Node& node) {
    JsonWriter w;
    write_json(w, node);
    return std::move(w).str();
}

// Renders the document as HTML without scripts.
class Page {
public:
    explicit Page(const YAML::Node& root) : root_(root) {}

    std::string render() {
        const YAML::Node info = root_["info"];
        add("<header><h1>{} <small>{}</small></h1>", escape(text(info["title"])),
            escape(text(info["version"])));
        prose(info["description"]);
        out_ +=
            "<p>This page is made from <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI "
            "3.1).</p></header>\n";
        for (const auto& tag : root_["tags"]) {
            add("<section><h2>{}</h2>", escape(text(tag["name"])));
            prose(tag["description"]);
            for (const auto& path : root_["paths"])
                operations(text(tag["name"]), path.first.Scalar(), path.second);
            for (const auto& webhook : root_["webhooks"])
                operations(text(tag["name"]), "your webhook_url", webhook.second);
            out_ += "</section>\n";
        }
        return std::move(out_);
    }

private:
    template <typename... T>
    void add(fmt::format_string<T...> format, T&&... values) {
        out_ += fmt::format(format, std::forward<T>(values)...);
    }

    static std::string text(const YAML::Node& node) {
        return node && node.IsScalar() ? node.Scalar() : std::string();
    }

    static std::string escape(std::string_view raw) {
        std::string out;
        for (const char c : raw) {
            switch (c) {
                case '<':
                    out += "&lt;";
                    break;
                case '>':
                    out += "&gt;";
                    break;
                case '&':
                    out += "&amp;";
                    break;
                case '"':
                    out += "&quot;";
                    break;
                default:
                    out += c;
            }
        }
        return out;
    }

    // The descriptions use only two elements of Markdown: `code` and paragraphs.
    static std::string inline_html(std::string_view raw) {
        std::string out;
        bool code = false;
        for (const char c : raw) {
            if (c == '`') {
                out += code ? "</code>" : "<code>";
                code = !code;
            } else {
                out += escape({&c, 1});
            }
        }
        return out;
    }

    void prose(const YAML::Node& node) {
        std::string_view rest;
        const std::string all = text(node);
        rest = all;
        while (!rest.empty()) {
            const std::size_t end = rest.find("\n\n");
            add("<p>{}</p>", inline_html(rest.substr(0, end)));
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
        }
    }

    // Follows a "$ref" to "#/components/…".
    YAML::Node resolved(const YAML::Node& node) const {
        if (!node || !node.IsMap() || !node["$ref"]) return node;
        const std::string reference = text(node["$ref"]);
        std::string_view path = reference;
        if (!path.starts_with("#/")) throw std::runtime_error("cannot follow " + reference);
        path.remove_prefix(2);
        YAML::Node at = root_;
        while (!path.empty()) {
            const std::size_t slash = path.find('/');
            const YAML::Node next = at[std::string(path.substr(0, slash))];
            if (!next) throw std::runtime_error("nothing at " + reference);
            at.reset(next);
            path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        }
        return at;
    }

    void operations(const std::string& tag, const std::string& path, const YAML::Node& item) {
        for (const char* method : {"get", "post", "delete"}) {
            const YAML::Node operation = item[method];
            if (!operation || text(operation["tags"][0]) != tag) continue;
            std::string verb(method);
            for (char& c : verb) c = static_cast<char>(c - 'a' + 'A');
            add("<article id=\"{}\"><h3><b>{}</b> <code>{}</code> <span>{}</span></h3>",
                escape(text(operation["operationId"])), verb, escape(path),
                escape(text(operation["summary"])));
            prose(operation["description"]);
            const bool open = operation["security"] && operation["security"].size() == 0;
            const bool incoming = path.starts_with('/');
            if (incoming) out_ += open ? "<p>No key needed.</p>" : "<p>Needs <code>X-API-Key</code>.</p>";
            std::vector<YAML::Node> parameters;
            for (const auto& p : item["parameters"]) parameters.push_back(resolved(p));
            for (const auto& p : operation["parameters"]) parameters.push_back(resolved(p));
            if (!parameters.empty()) parameter_table(parameters);
            if (operation["requestBody"]) {
                out_ += "<h4>Request</h4>";
                content(operation["requestBody"]["content"]);
            }
            messages(operation["x-messages"]);
            out_ += "<h4>Answers</h4>";
            for (const auto& answer : operation["responses"]) {
                const YAML::Node body = resolved(answer.second);
                add("<details><summary><b>{}</b> {}</summary>", escape(answer.first.Scalar()),
                    inline_html(text(body["description"])));
                header_table(body["headers"]);
                content(body["content"]);
                out_ += "</details>";
            }
            out_ += "</article>\n";
        }
    }

    // The messages of a WebSocket, by sender.
    void messages(const YAML::Node& sides) {
        for (const auto& side : sides) {
            add("<h4>Messages of the {}</h4>", escape(side.first.Scalar()));
            for (const auto& one : resolved(side.second)["oneOf"]) {
                const YAML::Node message = resolved(one);
                add("<details><summary><b>{}</b> {}</summary>",
                    escape(text(message["properties"]["type"]["const"])),
                    inline_html(text(message["description"])));
                properties(message);
                if (message["example"]) example(message["example"]);
                out_ += "</details>";
            }
        }
    }

    void parameter_table(const std::vector<YAML::Node>& parameters) {
        out_ += "<h4>Parameters</h4><table><tr><th>name<th>in<th>type<th>meaning</tr>";
        for (const YAML::Node& p : parameters) {
            add("<tr><td><code>{}</code><td>{}<td>{}<td>{}</tr>", escape(text(p["name"])),
                escape(text(p["in"])), escape(type_of(p["schema"])), inline_html(text(p["description"])));
        }
        out_ += "</table>";
    }

    void header_table(const YAML::Node& headers) {
        if (!headers || headers.size() == 0) return;
        out_ += "<table><tr><th>header<th>meaning</tr>";
        for (const auto& h : headers) {
            add("<tr><td><code>{}</code><td>{}</tr>", escape(h.first.Scalar()),
                inline_html(text(resolved(h.second)["description"])));
        }
        out_ += "</table>";
    }

    void content(const YAML::Node& by_type) {
        if (!by_type) return;
        const YAML::Node media = by_type["application/json"];
        if (!media) return;
        properties(resolved(media["schema"]));
        if (media["example"]) example(media["example"]);
        for (const auto& named : media["examples"]) example(named.second["value"]);
    }

    void example(const YAML::Node& node) { add("<pre>{}</pre>", escape(json_of(node))); }

    void properties(const YAML::Node& schema) {
        if (!schema || !schema["properties"]) return;
        out_ += "<table><tr><th>field<th>type<th>meaning</tr>";
        for (const auto& p : schema["properties"]) {
            const YAML::Node property = resolved(p.second);
            add("<tr><td><code>{}</code><td>{}<td>{}</tr>", escape(p.first.Scalar()),
                escape(type_of(property)), inline_html(text(property["description"])));
        }
        out_ += "</table>";
    }

    std::string type_of(const YAML::Node& unresolved) const {
        const YAML::Node schema = resolved(unresolved);
        std::string out = text(schema["type"]);
        for (const auto& one : schema["type"]) out += (out.empty() ? "" : " or ") + one.Scalar();
        for (const auto& one : schema["anyOf"]) out += (out.empty() ? "" : " or ") + type_of(one);
        if (schema["format"]) out += ", " + text(schema["format"]);
        std::string values;
        for (const auto& value : schema["enum"]) values += (values.empty() ? ": " : ", ") + value.Scalar();
        out += values;
        if (schema["minimum"] && schema["maximum"]) {
            out += ", " + text(schema["minimum"]) + " to " + text(schema["maximum"]);
        }
        if (schema["default"]) out += ", default " + text(schema["default"]);
        return out;
    }

    const YAML::Node root_;
    std::string out_;
};

// As numbers: a string literal of this length exceeds the limit that the standard guarantees.
void write_array(std::ostream& out, std::string_view name, std::string_view bytes) {
    out << "constexpr char " << name << "_bytes[] = {";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out << (i % 32 == 0 ? "\n" : "") << static_cast<int>(static_cast<signed char>(bytes[i])) << ',';
    }
    out << "\n};\n";
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) throw std::runtime_error("usage: openapi-embed <openapi.yaml> <out.cpp>");
        const YAML::Node root = YAML::LoadFile(argv[1]);
        const std::string json = json_of(root);
        const std::string html = Page(root).render();
        std::ofstream out(argv[2]);
        out << "#include \"api/embedded.hpp\"\n\nnamespace pricewire::api {\nnamespace {\n\n";
        write_array(out, "json", json);
        write_array(out, "html", html);
        out << "\n}  // namespace\n\nstd::string_view embedded_openapi_json() {\n    return {json_bytes, "
               "sizeof(json_bytes)};\n}\nstd::string_view embedded_openapi_html() {\n    return {html_bytes, "
               "sizeof(html_bytes)};\n}\n\n}  // namespace pricewire::api\n";
        out.flush();
        if (!out) throw std::runtime_error(std::string("cannot write ") + argv[2]);
        return 0;
    } catch (const std::exception& e) {
        fmt::print(stderr, "openapi-embed: {}\n", e.what());
        return 1;
    }
}
