#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/group.hpp"
#include "domain/market.hpp"

namespace pricewire::cluster {

// What one member holds while members come and go: what it owns, and, until all living members hold their shares, what it
// owned before. So what moves is held by both, and nothing is held by nobody. Pure; one thread.
class Holding {
public:
    explicit Holding(std::string id) : id_(std::move(id)) {}

    // The group as of now. True if what is held, or its view, has changed.
    bool update(const std::shared_ptr<const Group>& group);

    bool holds(std::string_view key) const;
    bool is_all() const;
    // The group's view: once what holds() says is held, it is this view for which the member is settled.
    const std::string& view() const { return view_; }
    // holds() as of now, for another thread; empty: everything.
    std::function<bool(const Ticker&)> function() const;
    // Whether another member has held this all along: it did so when all were settled last, and has lived since. For another
    // thread; empty: nothing.
    std::function<bool(const Ticker&)> kept() const;

private:
    void merge();

    // Of more, while others are not settled, the oldest are merged into one that has at least as much.
    static constexpr std::size_t most_shares = 8;

    std::string id_;
    std::vector<Share> shares_;  // the last one is the present one
    std::string view_;
    std::shared_ptr<const Group> settled_;  // the last one in which all were
};

}  // namespace pricewire::cluster
