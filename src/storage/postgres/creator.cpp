#include "storage/postgres/creator.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "storage/postgres/changes.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// Alerts per commit, which bounds how long the first of them waits; one request's are not divided.
constexpr std::size_t max_group = 500;

pqxx::result insert_rows(Connection& db, const std::vector<const Alert*>& alerts,
                         const std::vector<sql::RuleColumns>& said) {
    Array id, user, ticker, condition, target, url, created, format, body, type, note, within, trace, recover,
        message, rule, key, plain_condition, plain_target;
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        const Alert* a = alerts[i];
        id.add(a->id);
        user.add(a->user_id);
        ticker.add(a->ticker.view());
        condition.add(to_string(said[i].condition));
        target.add(said[i].target);
        url.add(a->webhook_url);
        created.add(a->created_at);
        format.add(to_string(a->format));
        std::optional<std::string_view> custom_body, custom_type, plain;
        if (a->custom) {
            custom_body = a->custom->body;
            custom_type = a->custom->content_type;
        }
        body.add(custom_body);
        type.add(custom_type);
        note.add(a->note);
        within.add(a->deliver_within);
        std::optional<std::string> trace_text;
        if (a->trace) trace_text = to_text(*a->trace);
        trace.add(trace_text);
        recover.add(a->recover);
        message.add(a->message);
        rule.add(said[i].rule);
        key.add(said[i].key);
        if (said[i].plain_condition) plain = to_string(*said[i].plain_condition);
        plain_condition.add(plain);
        plain_target.add(said[i].plain_target);
    }
    return db.run("alerts_insert", id, user, ticker, condition, target, url, created, format, body, type,
                  note, within, trace, recover, message, rule, key, plain_condition, plain_target);
}

}  // namespace

std::vector<CreateAlertResult> Creator::create(std::span<const Alert> alerts, std::size_t limit,
                                               const IdempotentRequest* request,
                                               const Alerts::AnswerOf& answer) {
    Job job{.alerts = {}, .limit = limit, .request = request, .answer = answer};
    for (const Alert& alert : alerts) job.alerts.push_back(sql::unbegun(alert));
    finish({&job, 1});
    if (job.error) std::rethrow_exception(job.error);
    return std::move(job.results);
}

void Creator::create_each(std::span<AlertCreation> creations) {
    static const Alerts::AnswerOf no_answer;
    std::vector<Job> jobs;
    for (const AlertCreation& c : creations)
        jobs.push_back(
            {.alerts = {sql::unbegun(c.alert)}, .limit = c.limit, .request = nullptr, .answer = no_answer});
    finish(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        creations[i].error = jobs[i].error;
        if (!jobs[i].error) creations[i].result = jobs[i].results.front();
    }
}

void Creator::finish(std::span<Job> jobs) {
    const auto are_done = [&] { return std::ranges::all_of(jobs, [](const Job& job) { return job.done; }); };
    MutexLock lock(mutex_);
    for (Job& job : jobs) waiting_.push_back(&job);
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return are_done() || !busy_; });
    if (are_done()) return;
    // No other thread is creating: this one takes all that wait until its own are done.
    busy_ = true;
    while (!are_done()) {
        const std::vector<Job*> group = take_group();
        lock.unlock();
        create_all(group);
        lock.lock();
        for (Job* j : group) j->done = true;
        changed_.notify_all();
    }
    busy_ = false;
    changed_.notify_all();
}

std::vector<Creator::Job*> Creator::take_group() {
    std::size_t alerts = 0;
    auto end = waiting_.begin();
    while (end != waiting_.end() && alerts < max_group) alerts += (*end++)->alerts.size();
    const std::vector<Job*> jobs(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return jobs;
}

void Creator::create_all(const std::vector<Job*>& jobs) {
    try {
        pool_.transaction(Durability::power, [&](Connection& db) { create_in(db, jobs); });
    } catch (const RefusedValue&) {
        // One of them is invalid: it must not make the others fail.
        if (jobs.size() == 1) {
            jobs[0]->error = std::current_exception();
            return;
        }
        for (Job* job : jobs) create_all({job});
    } catch (const std::exception&) {
        for (Job* job : jobs) job->error = std::current_exception();
    }
}

void Creator::create_in(Connection& db, const std::vector<Job*>& jobs) {
    const std::vector<Place> inserted = insert(db, with_keys(db, jobs));
    if (!inserted.empty()) admit(db, inserted);
    answer(db, jobs);
}

// The alerts of jobs that have taken their key, and of those without one.
std::vector<Creator::Place> Creator::with_keys(Connection& db, const std::vector<Job*>& jobs) {
    // In the same order in all processes, so that two that take the same keys do not deadlock.
    std::map<std::pair<Uuid, std::string_view>, Job*> by_key;
    for (Job* job : jobs) {
        job->results.assign(job->alerts.size(), std::unexpected(CreateAlertError::key_used));
        if (job->request != nullptr && !job->alerts.empty())
            by_key.try_emplace({job->alerts.front().user_id, job->request->key}, job);
    }
    std::set<Job*> taken;
    for (const auto& [key, job] : by_key) {
        if (sql::take_key(db, key.first, *job->request)) taken.insert(job);
    }
    std::vector<Place> places;
    for (Job* job : jobs) {
        if (job->request != nullptr && !taken.contains(job)) continue;
        for (std::size_t i = 0; i < job->alerts.size(); ++i) places.push_back({job, i});
    }
    return places;
}

// Returns those that were inserted, in the same order; sets the results of the others.
std::vector<Creator::Place> Creator::insert(Connection& db, const std::vector<Place>& places) {
    if (places.empty()) return {};
    struct Entry {
        Place place;
        std::size_t turn;  // in `places`
        sql::RuleColumns said;
        // Identical alerts have the same one; of them the older comes first.
        auto order() const {
            const Alert& a = place.alert();
            return std::tuple(a.user_id, a.ticker.view(), said.same_condition(), said.same_target(),
                              std::string_view(a.webhook_url), std::string_view(said.key), a.id);
        }
    };
    // In the same order in all processes, so that two that create the same alerts do not deadlock.
    std::vector<Entry> entries;
    for (const Place& place : places)
        entries.push_back({place, entries.size(), sql::rule_columns(place.alert())});
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.order() < b.order(); });
    std::vector<const Alert*> alerts;
    std::vector<sql::RuleColumns> said;
    for (const Entry& entry : entries) {
        alerts.push_back(&entry.place.alert());
        said.push_back(entry.said);
    }
    const auto rows = insert_rows(db, alerts, said);
    std::map<std::size_t, Place> inserted;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const Row row = rows[static_cast<pqxx::result::size_type>(i)];
        CreateAlertResult& result = entries[i].place.result();
        if (row.flag(0)) {
            result = std::unexpected(CreateAlertError::endpoint_disabled);
        } else if (!row.flag(1)) {
            result = std::unexpected(CreateAlertError::duplicate);
        } else {
            Place place = entries[i].place;
            place.room = {row.number(2), row.flag(3)};
            inserted.emplace(entries[i].turn, place);
        }
    }
    std::vector<Place> out;
    for (const auto& [turn, place] : inserted) out.push_back(place);
    return out;
}

// Removes those for which their users have no room.
void Creator::admit(Connection& db, const std::vector<Place>& inserted) {
    Array removed;
    std::map<Uuid, int> counts;
    std::vector<Change> changes;
    std::vector<const Alert*> with_terms;
    std::map<Uuid, rule::ComparedTickers> compared;
    const auto has_room_for_ratios = [&](const Alert& alert) {
        if (!alert.terms || !rule::has_ratios(*alert.terms)) return true;
        auto of = compared.find(alert.user_id);
        if (of == compared.end())
            of = compared.emplace(alert.user_id, sql::compared_by(db, alert.user_id, alert.id)).first;
        return of->second.take(*alert.terms);
    };
    const auto refuse = [&](const Place& place, CreateAlertError why) {
        place.result() = std::unexpected(why);
        removed.add(place.alert().id);
    };
    for (const Place& place : inserted) {
        const Alert& alert = place.alert();
        const auto added = counts.find(alert.user_id);
        const std::int64_t active = place.room.active + (added == counts.end() ? 0 : added->second);
        // A user deleted in the meantime has no room at all.
        if (place.room.deleted || static_cast<std::size_t>(active) >= place.job->limit) {
            refuse(place, CreateAlertError::limit_reached);
            continue;
        }
        if (!has_room_for_ratios(alert)) {
            refuse(place, CreateAlertError::ratios_full);
            continue;
        }
        ++counts[alert.user_id];
        place.result() = {};
        if (alert.terms) with_terms.push_back(&alert);
        changes.push_back(AlertChange{AlertChange::Kind::created, sql::active_part(alert)});
    }
    if (removed.size() > 0) db.run("alerts_remove", removed);
    if (changes.empty()) return;
    Store::put_states(db, with_terms);
    Array users, counted;
    for (const auto& [user, count] : counts) {
        users.add(user);
        counted.add(count);
    }
    db.run("alerts_count", users, counted, to_payloads(changes));
}

void Creator::answer(Connection& db, const std::vector<Job*>& jobs) {
    for (const Job* job : jobs) {
        const auto used = std::unexpected(CreateAlertError::key_used);
        if (job->request == nullptr || job->results.empty() || job->results.front() == used) continue;
        sql::settle_key(db, job->alerts.front().user_id, *job->request, job->results, job->answer);
    }
}

}  // namespace pricewire::storage::postgres
