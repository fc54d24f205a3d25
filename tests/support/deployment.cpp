#include "support/deployment.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/text.hpp"
#include "base/uuid.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// Processes whose clocks are a minute off go by the database's, which a test cannot move.
constexpr Duration too_far_for_the_database = 1h;

std::string binary(const std::string& name) {
    return std::string(PRICEWIRE_BINARY_DIR) + "/" + name;
}

// The objects of a JSON array, whatever they hold.
std::vector<std::string> objects_of(const std::string& array) {
    std::vector<std::string> out;
    bool in_string = false;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < array.size(); ++i) {
        const char c = array[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{') {
            if (depth++ == 0) begin = i;
        } else if (c == '}' && --depth == 0) {
            out.push_back(array.substr(begin, i - begin + 1));
        }
    }
    return out;
}

// Configuration that the older version does not know, and would refuse.
bool is_newer(const std::string& variable) {
    return variable == "PRICEWIRE_LIMITS_PREVIEW" || variable.starts_with("PRICEWIRE_PUSH_");
}

// Every source is pointed at the simulator, by the settings that it prints. Only Binance is enabled, or those
// that are by default.
std::map<std::string, std::string> sources_at(const std::string& printed, bool by_default) {
    std::map<std::string, std::string> out;
    std::istringstream lines(printed);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (!line.starts_with("PRICEWIRE_SOURCES_") || equals == std::string::npos) continue;
        const std::string variable = line.substr(0, equals);
        out[variable] = line.substr(equals + 1);
        constexpr std::string_view rest = "_REST_URL";
        if (by_default || !variable.ends_with(rest)) continue;
        const std::string source = variable.substr(0, variable.size() - rest.size());
        out[source + "_ENABLED"] = source == "PRICEWIRE_SOURCES_BINANCE" ? "true" : "false";
    }
    return out;
}

void expect(const net::HttpResult& result, int status, const std::string& what) {
    if (result.error == net::HttpError::none && result.status == status) return;
    throw std::runtime_error(what + ": " + std::to_string(result.status) + " " + result.error_text + " " +
                             result.body);
}

}  // namespace

std::optional<std::string> json_member(const std::string& object, const std::string& name) {
    const std::string quoted = "\"" + name + "\":";
    std::size_t at = object.find(quoted);
    if (at == std::string::npos) return std::nullopt;
    at += quoted.size();
    if (object[at] == '"') return object.substr(at + 1, object.find('"', at + 1) - at - 1);
    std::string text = object.substr(at, object.find_first_of(",}]", at) - at);
    if (text == "null") return std::nullopt;
    return text;
}

std::optional<ClusterOptions> cluster_of_environment() {
    ClusterOptions out;
    for (const auto& [name, url] : {std::pair("PRICEWIRE_TEST_POSTGRES_URL", &out.postgres_url),
                                    std::pair("PRICEWIRE_TEST_REDIS_URL", &out.redis_url),
                                    std::pair("PRICEWIRE_TEST_RABBITMQ_URL", &out.rabbitmq_url)}) {
        const char* value = std::getenv(name);
        if (value == nullptr) return std::nullopt;
        *url = value;
    }
    return out;
}

std::string older_binary_of_environment() {
    const char* value = std::getenv("PRICEWIRE_TEST_OLDER_BINARY");
    return value == nullptr ? "" : value;
}

std::string binary_of_this_build() {
    return binary("pricewire");
}

std::string attempts_in(const std::string& shown_delivery) {
    std::string out;
    const std::string begin = "{\"number\":";
    for (std::size_t at = shown_delivery.find(begin); at != std::string::npos;
         at = shown_delivery.find(begin, at + 1)) {
        const std::string attempt = shown_delivery.substr(at);
        out +=
            json_member(attempt, "number").value() + ":" + json_member(attempt, "status").value_or("0") + " ";
    }
    return out;
}

Deployment::Deployment(DeploymentOptions options) : options_(std::move(options)) {
    std::map<std::string, std::string> of_others;
    if (options_.clock_stands_at) {
        of_others = clock_environment("clock");
    } else if (options_.has_movable_clock && options_.cluster) {
        passed_ = too_far_for_the_database;
        write_clock("clock-of-others", passed_, std::nullopt);
        of_others = clock_environment("clock-of-others");
    }
    write_clock();
    std::vector<std::string> sim{binary("exchange-sim"), "--listen", "127.0.0.1:0"};
    sim.insert(sim.end(), options_.sim.begin(), options_.sim.end());
    sim_ = Process(
        {.command = sim, .env = of_others, .output = dir_.path() / "sim.log", .directory = {}, .user = {}});
    std::vector<std::string> receiver{binary("webhook-receiver"), "--listen", "127.0.0.1:0"};
    receiver.insert(receiver.end(), options_.receiver.begin(), options_.receiver.end());
    receiver_ = Process({.command = receiver,
                         .env = of_others,
                         .output = dir_.path() / "receiver.log",
                         .directory = {},
                         .user = {}});
    if (options_.cluster) {
        database_ = std::make_unique<OwnDatabase>(options_.cluster->postgres_url);
        own_ = "test-" + make_uuid(system_clock().now()).to_string();
        std::array<std::uint8_t, 32> key;
        random_bytes(key);
        master_key_ = base64_encode(key);
        for (const char* role : {"api", "feed", "checker", "sender"}) {
            for (int i = 1; i <= options_.cluster->of_each; ++i) names_.push_back(role + std::to_string(i));
        }
        const std::string& older = options_.cluster->older;
        if (!older.empty()) {
            for (const char* role : {"api0", "feed0", "checker0", "sender0"}) names_.emplace_back(role);
        }
        const Ended ended = run_program(older.empty() ? binary_of_this_build() : older, {"migrate"});
        if (ended.code != 0) {
            throw std::runtime_error("the migration failed:\n" + ended.output);
        }
    } else {
        names_.push_back("serve");
    }
    sim_url_ = sim_.wait_for_output("listening on ");
    sources_ = sources_at(sim_.output(), options_.default_sources);
    receiver_url_ = receiver_.wait_for_output("listening on ");
}

std::string Deployment::database_url() const {
    return database_ ? database_->url() : "sqlite:" + (dir_.path() / "pricewire.db").string();
}

std::map<std::string, std::string> Deployment::environment_of(const std::string& name) const {
    std::map<std::string, std::string> env{{"PRICEWIRE_STORAGE_DATABASE_URL", database_url()}};
    if (const auto& cluster = options_.cluster) {
        const auto routed = [&](const std::string& url) {
            return cluster->route ? cluster->route(name, url) : url;
        };
        env = {{"PRICEWIRE_STORAGE_DATABASE_URL", routed(database_url())},
               {"PRICEWIRE_STORAGE_REDIS_URL", routed(cluster->redis_url)},
               {"PRICEWIRE_STORAGE_REDIS_PREFIX", own_ + ":"},
               {"PRICEWIRE_STORAGE_RABBITMQ_URL", routed(cluster->rabbitmq_url)},
               {"PRICEWIRE_STORAGE_RABBITMQ_QUEUE", own_},
               {"PRICEWIRE_SECURITY_MASTER_KEY", master_key_},
               {"PRICEWIRE_HEALTH_LISTEN", "127.0.0.1:0"}};
    }
    return env;
}

void Deployment::launch(const std::string& name) {
    auto env = environment_of(name);
    env.insert(sources_.begin(), sources_.end());
    env.insert({
        {"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:0"},
        {"PRICEWIRE_DELIVERY_ALLOW_HTTP", "true"},
        {"PRICEWIRE_DELIVERY_ALLOW_PORTS", "1-65535"},
        {"PRICEWIRE_DELIVERY_ALLOW_NETWORKS", "127.0.0.0/8"},
        {"PRICEWIRE_LIMITS_REGISTER", "1000000/1s"},
        {"PRICEWIRE_LIMITS_USER", "1000000/1s"},
        {"PRICEWIRE_LIMITS_RATES", "1000000/1s"},
        {"PRICEWIRE_LIMITS_HISTORY", "1000000/1s"},
        {"PRICEWIRE_LIMITS_PREVIEW", "1000000/1s"},
        {"PRICEWIRE_LIMITS_ATTEMPTS", "1000000/1s"},
    });
    if (options_.has_movable_clock || options_.clock_stands_at) env.merge(clock_environment("clock"));
    if (const auto skew = options_.skews.find(name); skew != options_.skews.end()) {
        write_clock("clock-" + name, skew->second, std::nullopt);
        env.merge(clock_environment("clock-" + name));
    }
    for (const auto& [key, value] : options_.config) env[key] = value;
    const std::string& older = is_older(name) ? options_.cluster->older : options_.program;
    if (!older.empty()) std::erase_if(env, [](const auto& variable) { return is_newer(variable.first); });
    const std::string role = name.substr(0, name.find_first_of("0123456789"));
    std::vector<std::string> command{older.empty() ? binary_of_this_build() : older, role};
    if (options_.open_files) {
        const std::string limit = "--nofile=" + std::to_string(*options_.open_files);
        command.insert(command.begin(), {"/usr/bin/prlimit", limit});
    }
    processes_[name] = Process({.command = std::move(command),
                                .env = env,
                                .output = dir_.path() / (name + ".log"),
                                .directory = dir_.path(),
                                .user = {}});
}

std::string Deployment::address_of(const std::string& name) {
    std::string address = process(name).wait_for_output("listening on ");
    if (name == names_.front() || (name == "api0" && api_url_.empty())) api_url_ = address;
    return address;
}

int Deployment::figure(const std::string& process, const std::string& name) {
    const std::string text = http_.get(address_of(process) + "/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + name.size() + 2));
}

std::vector<std::string> Deployment::log_lines(const std::vector<std::string>& parts) const {
    std::vector<std::string> out;
    for (const std::string& name : names_) {
        std::ifstream file(dir_.path() / (name + ".log"));
        for (std::string line; std::getline(file, line);) {
            const auto has = [&](const std::string& part) { return line.contains(part); };
            if (std::ranges::all_of(parts, has)) out.push_back(line);
        }
    }
    return out;
}

void Deployment::start(const std::string& name) {
    launch(name);
    address_of(name);
}

bool Deployment::is_older(const std::string& name) const {
    return options_.cluster && !options_.cluster->older.empty() && name.ends_with('0');
}

void Deployment::start_pricewire() {
    // Older processes do not start once the schema is a newer one's: from a restart on, they are gone.
    std::erase_if(names_, [this](const auto& name) { return is_older(name) && processes_.contains(name); });
    std::erase_if(processes_, [this](const auto& process) { return is_older(process.first); });
    for (const bool older : {true, false}) {
        std::vector<std::string> names;
        std::copy_if(names_.begin(), names_.end(), std::back_inserter(names),
                     [&](const std::string& name) { return is_older(name) == older; });
        for (const std::string& name : names) launch(name);
        for (const std::string& name : names) address_of(name);
    }
}

void Deployment::kill_pricewire() {
    signal_pricewire(SIGKILL);
    wait_pricewire();
}

int Deployment::stop_pricewire() {
    signal_pricewire(SIGTERM);
    return wait_pricewire();
}

void Deployment::signal_pricewire(int number) {
    for (auto& [name, process] : processes_) process.signal(number);
}

int Deployment::wait_pricewire() {
    int code = 0;
    for (auto& [name, process] : processes_) {
        if (const int one = process.wait(); code == 0) code = one;
    }
    return code;
}

std::string Deployment::pricewire_output() const {
    std::string out;
    for (const auto& [name, process] : processes_) out += process.output();
    return out;
}

Deployment::Ended Deployment::run(const std::vector<std::string>& arguments) {
    return run_program(binary_of_this_build(), arguments);
}

Deployment::Ended Deployment::run_program(const std::string& program,
                                          const std::vector<std::string>& arguments) {
    std::vector<std::string> command{program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto env = environment_of("command");
    env.emplace("PRICEWIRE_HTTP_LISTEN", "127.0.0.1:0");
    Process process({.command = command,
                     .env = env,
                     .output = dir_.path() / "commands.log",
                     .directory = dir_.path(),
                     .user = {}});
    const int code = process.wait();
    return {code, process.output()};
}

Account Deployment::register_user(const std::string& email) {
    const auto result = http_.post(api("/users/register"), R"({"email":")" + email + "\"}");
    expect(result, 201, "registering " + email);
    Account account{json_member(result.body, "api_key").value(),
                    json_member(result.body, "webhook_secret").value()};
    expect(http_.post(receiver_url_ + "/_receiver/secrets", account.webhook_secret), 204,
           "giving the receiver the secret");
    return account;
}

std::string Deployment::create_alert(const Account& account, const std::string& ticker,
                                     const std::string& condition, const std::string& target,
                                     const std::string& webhook_path) {
    const std::string body = R"({"ticker":")" + ticker + R"(","condition":")" + condition +
                             R"(","target_price":)" + target + R"(,"webhook_url":")" + receiver_url_ +
                             webhook_path + "\"}";
    const auto result = http_.post(api("/alerts/"), body, {{"X-API-Key", account.api_key}});
    expect(result, 201, "creating an alert");
    return json_member(result.body, "id").value();
}

std::string Deployment::create_alert(const Account& account, const std::string& members) {
    const auto result =
        http_.post(api("/alerts/"), R"({"webhook_url":")" + receiver_url_ + "/hook\"," + members + "}",
                   {{"X-API-Key", account.api_key}});
    expect(result, 201, "creating an alert");
    return json_member(result.body, "id").value();
}

std::vector<ShownFiring> Deployment::firings(const Account& account, const std::string& alert) {
    std::vector<ShownFiring> out;
    for (const std::string& object : list(account, "/alerts/" + alert + "/firings?limit=1000")) {
        out.push_back({parse_number<int>(json_member(object, "number").value()).value(),
                       Decimal::parse(json_member(object, "price").value()).value(),
                       parse_rfc3339(json_member(object, "price_time").value_or("")).value_or(Timestamp{}),
                       parse_rfc3339(json_member(object, "fired_at").value()).value(),
                       json_member(object, "delivery_id").value(),
                       parse_number<int>(json_member(object, "left_out").value()).value()});
    }
    std::reverse(out.begin(), out.end());
    return out;
}

std::vector<std::string> Deployment::list(const Account& account, const std::string& path) {
    std::vector<std::string> out;
    std::string url = api(path);
    while (true) {
        const auto result = http_.get(url, {{"X-API-Key", account.api_key}});
        expect(result, 200, "listing " + path);
        for (std::string& object : objects_of(result.body)) out.push_back(std::move(object));
        const std::string* link = result.header("link");
        if (link == nullptr) return out;
        const std::size_t begin = link->find('<') + 1;
        const std::string target = link->substr(begin, link->find('>') - begin);
        url = target.starts_with("http") ? target : root(target);
    }
}

std::vector<ShownAlert> Deployment::alerts(const Account& account) {
    std::vector<ShownAlert> out;
    for (const std::string& object : list(account, "/alerts/?limit=1000")) {
        out.push_back(
            {json_member(object, "id").value(), json_member(object, "ticker").value(),
             json_member(object, "condition").value_or(""), json_member(object, "target_price").value_or(""),
             json_member(object, "is_active") == "true", json_member(object, "triggered_price").value_or(""),
             json_member(object, "webhook_url").value_or("")});
    }
    return out;
}

void Deployment::sim_post(const std::string& control, const std::string& body) {
    expect(http_.post(sim_url_ + "/_sim/" + control, body), 204, "sim " + control);
}

std::string Deployment::sim_status() {
    return http_.get(sim_url_ + "/_sim/status").body;
}

int Deployment::subscribed(const std::string& symbol) {
    const std::string status = sim_status();
    const std::size_t at = status.find("\"subscribed\"");
    const std::string list = status.substr(at, status.find('}', at) + 1 - at);
    return parse_number<int>(json_member(list, symbol).value_or("0")).value_or(0);
}

void Deployment::pass(Duration time) {
    sim_post("skip", std::to_string(time / 1ms) + "ms");
    passed_ += time;
    write_clock();
}

void Deployment::set_clock(Timestamp time) {
    options_.clock_stands_at = time;
    write_clock();
}

std::map<std::string, std::string> Deployment::clock_environment(const std::string& file) const {
    return {{"LD_PRELOAD", binary("libmoved_clock.so")},
            {"PRICEWIRE_TEST_CLOCK", (dir_.path() / file).string()}};
}

void Deployment::write_clock() {
    write_clock("clock", passed_, options_.clock_stands_at);
}

// As moved_clock.cpp reads it. The file stays the same one, since programs have it mapped.
void Deployment::write_clock(const std::string& name, Duration ahead, std::optional<Timestamp> stands_at) {
    const std::array<std::int64_t, 2> words{ahead.count(), stands_at ? to_micros(*stands_at) : 0};
    const std::filesystem::path path = dir_.path() / name;
    std::ofstream(path, std::ios::binary | std::ios::app);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(words.data()), sizeof words);
    if (!file.flush()) throw std::runtime_error("the clock cannot be moved");
}

std::vector<Received> Deployment::received() {
    const auto result = http_.get(receiver_url_ + "/_receiver/stats?log=1");
    expect(result, 200, "reading the receiver's log");
    const std::size_t list = result.body.find('[');
    std::vector<Received> out;
    if (list == std::string::npos) return out;
    for (const std::string& object : objects_of(result.body.substr(list))) {
        if (!json_member(object, "webhook_id")) continue;
        out.push_back(
            {json_member(object, "webhook_id").value(), json_member(object, "alert_id").value_or(""),
             json_member(object, "signature_ok") == "true", json_member(object, "accepted") == "true"});
    }
    return out;
}

std::set<std::string> Deployment::accepted(const std::string& alert) {
    std::set<std::string> ids;
    for (const Received& webhook : received()) {
        if (webhook.alert_id == alert && webhook.accepted) ids.insert(webhook.webhook_id);
    }
    return ids;
}

void Deployment::wait_until(const std::string& what, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            std::string ends;
            for (const auto& [name, process] : processes_) {
                const std::string log = process.output();
                ends +=
                    "\n--- " + name + "\n" + log.substr(log.size() - std::min<std::size_t>(log.size(), 4000));
            }
            throw std::runtime_error("timed out waiting for " + what + "; the logs end:" + ends);
        }
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace pricewire::test
