// Runs every tests/scenarios/data/*.scenario against the real programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "base/decimal.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

const std::filesystem::path data_dir = std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "tests/scenarios/data";

std::vector<std::string> scenario_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(data_dir)) {
        if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Player {
public:
    explicit Player(Side side) : deployment_(on(side, {.sim = {"--paused"}, .receiver = {}, .config = {}})) {
        deployment_.start_pricewire();
        account_ = deployment_.register_user("scenario@example.com");
        wait_for_stream();
    }

    void play(const std::string& line) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string step, a, b, c, d;
        words >> step >> a >> b >> c >> d;
        if (step.empty()) return;
        SCOPED_TRACE(line);
        if (step == "alert") {
            ids_[a] = deployment_.create_alert(account_, b, c, d);
            open_.insert(a);
        } else if (step == "delete") {
            const auto gone = deployment_.http().del(deployment_.api("/alerts/" + ids_.at(a)),
                                                     {{"X-API-Key", account_.api_key}});
            ASSERT_EQ(gone.status, 204) << gone.body;
            open_.erase(a);
        } else if (step == "price") {
            trade(a, b);
        } else if (step == "print") {
            deployment_.sim_post("price/" + a + "USDT", b);
        } else if (step == "restart") {
            deployment_.kill_pricewire();
            deployment_.start_pricewire();
            wait_for_stream();
        } else if (step == "fired") {
            expect_fired(a, b);
        } else if (step == "active") {
            expect_active(a);
        } else {
            FAIL() << "unknown step";
        }
    }

    void finish() {
        std::set<std::string> loose;
        std::set_difference(open_.begin(), open_.end(), named_.begin(), named_.end(),
                            std::inserter(loose, loose.end()));
        EXPECT_TRUE(loose.empty()) << "the scenario does not check " << *loose.begin();
        // One whose sender was killed before it knew that it had arrived may come again, under the same id.
        std::map<std::string, std::set<std::string>> arrivals;
        for (const Received& r : deployment_.received()) {
            arrivals[r.alert_id].insert(r.webhook_id);
            EXPECT_TRUE(r.signature_ok);
        }
        std::size_t fired = 0;
        for (const auto& [name, price] : fired_) {
            EXPECT_EQ(arrivals[ids_.at(name)].size(), 1U) << name;
            ++fired;
        }
        EXPECT_EQ(arrivals.size(), fired) << "a webhook arrived for an alert that has not fired";
    }

private:
    // The simulator sends a price only to feeds that have subscribed.
    void wait_for_stream() {
        deployment_.wait_until("the stream", [&] {
            const auto feeds =
                std::count_if(deployment_.names().begin(), deployment_.names().end(),
                              [](const std::string& name) { return name.starts_with("feed"); });
            return std::stol(json_member(deployment_.sim_status(), "clients").value()) >= std::max(feeds, 1L);
        });
    }

    void trade(const std::string& ticker, const std::string& price) {
        deployment_.sim_post("price/" + ticker + "USDT", price);
        const Decimal expected = Decimal::parse(price).value();
        deployment_.wait_until("the price " + price, [&] {
            const auto rates =
                deployment_.http().get(deployment_.api("/rates/"), {{"X-API-Key", account_.api_key}});
            const auto shown = json_member(rates.body, ticker);
            return shown && Decimal::parse(*shown) == expected;
        });
        // A price is shown when published but matched on another thread. A probe alert that fires on any
        // price shows that matching has caught up.
        const std::string probe = deployment_.create_alert(account_, ticker, "gt", "0.00000001", "/probe");
        deployment_.wait_until("the probe", [&] { return find(probe).is_active == false; });
        ids_["probe " + std::to_string(++probes_)] = probe;
        fired_["probe " + std::to_string(probes_)] = "";
        deployment_.wait_until("the probe's webhook", [&] { return arrived(probe) > 0; });
    }

    ShownAlert find(const std::string& id) {
        for (const ShownAlert& alert : deployment_.alerts(account_)) {
            if (alert.id == id) return alert;
        }
        throw std::runtime_error("alert " + id + " is not listed");
    }

    long arrived(const std::string& id) {
        const auto all = deployment_.received();
        return std::count_if(all.begin(), all.end(), [&](const Received& r) { return r.alert_id == id; });
    }

    void expect_fired(const std::string& name, const std::string& price) {
        named_.insert(name);
        fired_[name] = price;
        deployment_.wait_until(name + " to fire", [&] { return !find(ids_.at(name)).is_active; });
        EXPECT_EQ(find(ids_.at(name)).triggered_price, Decimal::parse(price)->to_string());
        deployment_.wait_until("the webhook of " + name, [&] { return arrived(ids_.at(name)) > 0; });
    }

    void expect_active(const std::string& name) {
        named_.insert(name);
        EXPECT_TRUE(find(ids_.at(name)).is_active);
        EXPECT_EQ(arrived(ids_.at(name)), 0);
    }

    Deployment deployment_;
    Account account_;
    std::map<std::string, std::string> ids_;
    std::map<std::string, std::string> fired_;
    std::set<std::string> open_;
    std::set<std::string> named_;
    int probes_ = 0;
};

class DataScenario : public ::testing::TestWithParam<std::tuple<Side, std::string>> {};

TEST_P(DataScenario, Plays) {
    const auto& [side, name] = GetParam();
    if (!can_run(side)) GTEST_SKIP() << why_not_run;
    std::ifstream file(data_dir / (name + ".scenario"));
    ASSERT_TRUE(file);
    Player player(side);
    for (std::string line; std::getline(file, line);) {
        player.play(line);
        if (HasFatalFailure()) return;
    }
    player.finish();
}

INSTANTIATE_TEST_SUITE_P(Data, DataScenario,
                         ::testing::Combine(all_sides(), ::testing::ValuesIn(scenario_names())),
                         [](const auto& test) {
                             std::string name =
                                 to_string(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace pricewire::test
