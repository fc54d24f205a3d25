#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "support/blocking_http.hpp"
#include "support/own_database.hpp"
#include "support/process.hpp"

namespace pricewire::test {

// A delivery as the receiver saw it.
struct Received {
    std::string webhook_id;
    std::string alert_id;
    bool signature_ok = false;
    bool accepted = false;  // answered with 2xx
};

// An alert as the API shows it.
struct ShownAlert {
    std::string id;
    std::string ticker;
    std::string condition;     // empty where it has none
    std::string target_price;  // its digits; empty where it has none
    bool is_active = true;
    std::string triggered_price;  // its digits; empty where it has not fired
    std::string webhook_url;
};

// Why an alert fired, as the API shows it.
struct ShownFiring {
    int number = 0;
    Decimal price;
    Timestamp price_time;  // the epoch where it is not known: an older version fired it
    Timestamp fired_at;
    std::string delivery_id;
    int left_out = 0;
};

struct Account {
    std::string api_key;
    std::string webhook_secret;
};

// Pricewire as processes of one role each, on servers that others may use too: a database, a prefix of Redis
// and a queue are its own.
struct ClusterOptions {
    std::string postgres_url;
    std::string redis_url;
    std::string rabbitmq_url;
    int of_each = 1;  // processes of each role
    // An older `pricewire`: one more process of each role runs it until the first restart, as in a rolling
    // upgrade. It starts first, on a database of its own schema. Its number is 0. Empty: none.
    std::string older;
    // Replaces a server's URL for process `name`; if unset, the URL is used as it is.
    std::function<std::string(const std::string& name, const std::string& url)> route;
};
// By PRICEWIRE_TEST_POSTGRES_URL, …_REDIS_URL and …_RABBITMQ_URL; nullopt unless all are set.
std::optional<ClusterOptions> cluster_of_environment();
// The older `pricewire` of PRICEWIRE_TEST_OLDER_BINARY; empty where it is not set.
std::string older_binary_of_environment();
std::string binary_of_this_build();

struct DeploymentOptions {
    std::vector<std::string> sim{"--market", "generated"};  // beside --listen
    std::vector<std::string> receiver;                      // beside --listen
    std::map<std::string, std::string> config;              // PRICEWIRE_… beside the harness' own
    std::optional<ClusterOptions> cluster;                  // nullopt: one `pricewire serve` on SQLite
    std::string program;            // an older `pricewire` that runs alone; empty: this build's
    bool default_sources = false;   // those that are enabled by default; otherwise Binance alone
    std::optional<int> open_files;  // RLIMIT_NOFILE of each process of Pricewire
    // For pass(). In a cluster, the clocks of all programs are an hour ahead of the servers' from the beginning.
    bool has_movable_clock = false;
    // How far the wall clocks of some processes are ahead, by name. Not together with has_movable_clock.
    std::map<std::string, Duration> skews;
    // The wall clocks of all programs, the simulator's and the receiver's too, stand at this time until set_clock(), so
    // that what happens at a moment happens exactly then, however long it takes.
    std::optional<Timestamp> clock_stands_at;
};

// The real programs on free loopback ports with a directory of their own: simulator, receiver and Pricewire,
// whose processes are named by role and number ("api1", "sender2"), or "serve". One thread, whose end is
// theirs as well.
class Deployment {
public:
    explicit Deployment(DeploymentOptions options);

    // All of Pricewire's processes: started, until each says that it listens; killed; asked to stop, which
    // returns the first exit code that is not 0.
    void start_pricewire();
    void kill_pricewire();
    int stop_pricewire();
    void signal_pricewire(int number);  // any thread, between start and wait
    int wait_pricewire();               // the same, after signal_pricewire()
    std::string pricewire_output() const;

    const std::vector<std::string>& names() const { return names_; }
    // One of them. launch() does not wait until it listens, start() does.
    void launch(const std::string& name);
    void start(const std::string& name);
    Process& process(const std::string& name) { return processes_.at(name); }
    // Where it listens: its API, or its /health alone. Waits until it does. It changes with each launch;
    // api() and root() use the address seen here last.
    std::string address_of(const std::string& name);
    // A figure of its /metrics, by its name and labels; -1 if there is none.
    int figure(const std::string& process, const std::string& name);
    // Lines of the logs of all of them that contain all of these.
    std::vector<std::string> log_lines(const std::vector<std::string>& parts) const;

    // Runs `pricewire` with these arguments on the deployment's database to its end.
    struct Ended {
        int code = 0;
        std::string output;
    };
    Ended run(const std::vector<std::string>& arguments);

    Process& receiver_process() { return receiver_; }
    const std::filesystem::path& directory() const { return dir_.path(); }
    std::string database_url() const;

    std::string sim_url() const { return sim_url_; }
    std::string receiver_url() const { return receiver_url_; }
    std::string api(const std::string& path) const { return api_url_ + "/api/v1" + path; }
    std::string root(const std::string& path) const { return api_url_ + path; }
    BlockingHttp& http() { return http_; }

    // Each throws std::runtime_error with the answer unless the request succeeds.
    Account register_user(const std::string& email);  // and gives the receiver its secret
    std::string create_alert(const Account& account, const std::string& ticker, const std::string& condition,
                             const std::string& target, const std::string& webhook_path = "/hook");
    // With other members than these, such as "\"ticker\":\"BTC\",\"when\":…".
    std::string create_alert(const Account& account, const std::string& members);
    std::vector<ShownFiring> firings(const Account& account, const std::string& alert);  // oldest first
    std::vector<ShownAlert> alerts(const Account& account);                              // all pages
    // The objects of all pages of a list, such as "/deliveries?limit=1000".
    std::vector<std::string> list(const Account& account, const std::string& path);
    void sim_post(const std::string& control, const std::string& body = "");
    std::string sim_status();  // JSON; empty when it does not answer
    // How many streams want a symbol's trades from the simulator.
    int subscribed(const std::string& symbol);
    // Lets `time` pass at once: in the market, whose trades are sent to nobody meanwhile, and on the wall clocks of
    // Pricewire's processes, running or not; their monotonic clocks stand still, as on a machine that sleeps. Needs
    // DeploymentOptions::has_movable_clock.
    void pass(Duration time);
    void set_clock(Timestamp time);  // needs DeploymentOptions::clock_stands_at
    std::vector<Received> received();
    // The ids of an alert's webhooks that the receiver has accepted.
    std::set<std::string> accepted(const std::string& alert);

    // Polls until `condition` holds; throws after two minutes, saying `what` and the log's last lines.
    void wait_until(const std::string& what, const std::function<bool()>& condition);

private:
    std::map<std::string, std::string> clock_environment(const std::string& file) const;
    void write_clock();
    void write_clock(const std::string& file, Duration ahead, std::optional<Timestamp> stands_at);
    std::map<std::string, std::string> environment_of(const std::string& name) const;
    bool is_older(const std::string& name) const;
    Ended run_program(const std::string& program, const std::vector<std::string>& arguments);

    DeploymentOptions options_;
    Duration passed_{};
    TempDir dir_;                            // holds the clocks' file
    std::unique_ptr<OwnDatabase> database_;  // of a cluster
    std::string own_;                        // what sets a cluster's keys and queue apart
    std::string master_key_;
    Process sim_;
    Process receiver_;
    std::vector<std::string> names_;
    std::map<std::string, Process> processes_;
    std::string sim_url_;
    std::map<std::string, std::string> sources_;  // the settings that point them at the simulator
    std::string receiver_url_;
    std::string api_url_;  // of the first API, where it was last seen, or of an older one before that
    BlockingHttp http_;
};

// The text of member `name` of a flat JSON object, digits and strings alike; nullopt where it is absent or
// null.
std::optional<std::string> json_member(const std::string& object, const std::string& name);

// What a delivery shown by the API says of its attempts: "1:500 2:204 ", 0 where no answer came.
std::string attempts_in(const std::string& shown_delivery);

}  // namespace pricewire::test
