#pragma once

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sqlite {

struct UserChange {
    Uuid user_id;
};
using Event = std::variant<AlertChange, UserChange>;

// What a call survives once it has returned: kill -9 of the process, or loss of power as well.
enum class Durability { process, power };

// The thread that owns the one write connection. Calls of all threads that come while a commit is under way
// are put into the next one (group commit): a savepoint each, so that one that fails harms no other, and one
// commit for all, flushed to the disk where any of them asks for it.
class Writer {
public:
    Writer(std::unique_ptr<Connection> connection, StorageEvents events);
    ~Writer();  // finishes what was accepted
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Runs `call` on the writer's thread within a transaction and returns what it returns, after the commit.
    // Events that it appends are raised after the commit, in commit order, before this returns. Throws
    // StorageError.
    template <typename F>
    auto run(Durability durability, F call) {
        using R = std::invoke_result_t<F&, Connection&, std::vector<Event>&>;
        std::optional<std::conditional_t<std::is_void_v<R>, bool, R>> result;
        submit(durability, [&](Connection& db, std::vector<Event>& events) {
            if constexpr (std::is_void_v<R>) {
                call(db, events);
            } else {
                result.emplace(call(db, events));
            }
        });
        if constexpr (!std::is_void_v<R>) return std::move(*result);
    }

private:
    struct Job {
        Durability durability;
        std::function<void(Connection&, std::vector<Event>&)> call;
        std::vector<Event> events;
        std::exception_ptr error;
        std::promise<void> done;
    };

    void submit(Durability durability, std::function<void(Connection&, std::vector<Event>&)> call);
    void run();
    void commit_group(std::vector<Job*>& jobs);
    void run_one(Job& job);
    void set_durability(Durability durability);
    void raise(const Event& event);
    void look_for_foreign_writes();

    std::unique_ptr<Connection> db_;
    StorageEvents events_;
    std::optional<Durability> set_;
    std::int64_t data_version_ = 0;
    Mailbox<Job*> mailbox_;
    std::thread thread_;
};

}  // namespace pricewire::storage::sqlite
