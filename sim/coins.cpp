#include "sim/coins.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "sim/protocol.hpp"

namespace pricewire::sim {
namespace {

struct Known {
    std::string_view ticker;
    std::string_view name;
    std::string_view id;
    double price;
};

// clang-format off
constexpr std::array known{
    Known{"BTC", "Bitcoin", "bitcoin", 65000}, Known{"ETH", "Ethereum", "ethereum", 3100},
    Known{"BNB", "BNB", "binancecoin", 580}, Known{"SOL", "Solana", "solana", 142.8},
    Known{"DOGE", "Dogecoin", "dogecoin", 0.1423}, Known{"XRP", "XRP", "ripple", 0.58},
    Known{"ADA", "Cardano", "cardano", 0.45}, Known{"TRX", "TRON", "tron", 0.12},
    Known{"AVAX", "Avalanche", "avalanche-2", 35.1}, Known{"LINK", "Chainlink", "chainlink", 14.2},
    Known{"DOT", "Polkadot", "polkadot", 6.9}, Known{"TON", "Toncoin", "the-open-network", 5.4},
    Known{"SHIB", "Shiba Inu", "shiba-inu", 0.0000235}, Known{"LTC", "Litecoin", "litecoin", 82.4},
    Known{"BCH", "Bitcoin Cash", "bitcoin-cash", 455}, Known{"NEAR", "NEAR Protocol", "near", 5.6},
    Known{"UNI", "Uniswap", "uniswap", 9.8}, Known{"PEPE", "Pepe", "pepe", 0.0000112},
    Known{"APT", "Aptos", "aptos", 8.7}, Known{"ICP", "Internet Computer", "internet-computer", 11.6},
    Known{"ETC", "Ethereum Classic", "ethereum-classic", 27.3}, Known{"XLM", "Stellar", "stellar", 0.106},
    Known{"HBAR", "Hedera", "hedera-hashgraph", 0.098}, Known{"FIL", "Filecoin", "filecoin", 5.7},
    Known{"ARB", "Arbitrum", "arbitrum", 1.02}, Known{"ATOM", "Cosmos Hub", "cosmos", 8.3},
    Known{"OP", "Optimism", "optimism", 2.4}, Known{"SUI", "Sui", "sui", 1.05},
    Known{"AAVE", "Aave", "aave", 94.7}, Known{"MKR", "Maker", "maker", 2630},
    Known{"INJ", "Injective", "injective-protocol", 24.8}, Known{"GRT", "The Graph", "the-graph", 0.27},
    Known{"ALGO", "Algorand", "algorand", 0.18}, Known{"XTZ", "Tezos", "tezos", 0.93},
    Known{"SAND", "The Sandbox", "the-sandbox", 0.43}, Known{"MANA", "Decentraland", "decentraland", 0.44},
    Known{"BONK", "Bonk", "bonk", 0.0000246}, Known{"WIF", "dogwifhat", "dogwifcoin", 2.6},
    Known{"FLOKI", "FLOKI", "floki", 0.000182}, Known{"SEI", "Sei", "sei-network", 0.51},
    Known{"TIA", "Celestia", "celestia", 9.4}, Known{"LDO", "Lido DAO", "lido-dao", 1.95},
    Known{"CRV", "Curve DAO", "curve-dao-token", 0.42}, Known{"SNX", "Synthetix", "havven", 2.7},
    Known{"COMP", "Compound", "compound-governance-token", 57.3}, Known{"ZEC", "Zcash", "zcash", 24.1},
    Known{"DASH", "Dash", "dash", 28.9}, Known{"EOS", "EOS", "eos", 0.78},
    Known{"CHZ", "Chiliz", "chiliz", 0.116}, Known{"ENS", "Ethereum Name Service", "ethereum-name-service", 21.7},
    Known{"1INCH", "1inch", "1inch", 0.39}, Known{"YFI", "yearn.finance", "yearn-finance", 6840},
    Known{"BAT", "Basic Attention", "basic-attention-token", 0.24}, Known{"KSM", "Kusama", "kusama", 28.4},
};
// clang-format on

// "ZAVO", "MIKU": four letters for each number below 10,000.
std::string invented_ticker(std::size_t number) {
    constexpr std::string_view consonants = "ZMKTVPLRSNDBGHFJCWXQ";
    constexpr std::string_view vowels = "AIOUE";
    std::string out;
    for (int pair = 0; pair < 2; ++pair) {
        out += consonants[number % consonants.size()];
        number /= consonants.size();
        out += vowels[number % vowels.size()];
        number /= vowels.size();
    }
    return out;
}

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// From -1 to 1.
double at_lattice(std::uint64_t wave, std::int64_t index) {
    const std::uint64_t bits = mixed(wave ^ mixed(static_cast<std::uint64_t>(index)));
    return static_cast<double>(bits >> 11) / 0x1p52 - 1;
}

constexpr double shortest_wave = 15;  // seconds; each further one is twice as long, up to two years
constexpr int waves = 23;
constexpr double sigma_of_minute = 0.0007;

}  // namespace

std::uint64_t hash_of(std::string_view text, std::uint64_t number) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return mixed(hash ^ mixed(number));
}

std::vector<SimCoin> first_coins(std::size_t count) {
    std::vector<SimCoin> out;
    out.reserve(count);
    for (std::size_t i = 0; i < std::min(count, known.size()); ++i)
        out.push_back({std::string(known[i].ticker), std::string(known[i].name), std::string(known[i].id),
                       known[i].price});
    for (std::size_t i = 0; out.size() < count; ++i) {
        SimCoin coin{.ticker = invented_ticker(i)};
        if (std::any_of(known.begin(), known.end(), [&](const Known& k) { return k.ticker == coin.ticker; }))
            continue;
        coin.id = lower_case(coin.ticker) + "-coin";
        coin.name = coin.ticker.substr(0, 1) + lower_case(coin.ticker).substr(1) + " Coin";
        // From about 1e-6 to 1e3 dollars.
        coin.price = std::pow(10.0, static_cast<double>(hash_of(coin.ticker) % 9000) / 1000 - 6);
        out.push_back(std::move(coin));
    }
    return out;
}

SimCoin coin_of(std::string_view symbol) {
    static const std::map<std::string, SimCoin, std::less<>> coins = [] {
        std::map<std::string, SimCoin, std::less<>> out{{"USDT", {"USDT", "Tether", "tether", 1}},
                                                        {"USDC", {"USDC", "USD Coin", "usd-coin", 1}}};
        for (SimCoin& coin : first_coins(10'000)) out.emplace(coin.ticker, std::move(coin));
        return out;
    }();
    const std::string ticker = base_of(symbol);
    const auto found = coins.find(ticker);
    return found != coins.end() ? found->second : SimCoin{ticker, ticker, lower_case(ticker), 0};
}

bool is_listed(std::string_view venue, std::string_view ticker, std::size_t rank) {
    if (rank < 5) return true;
    // The largest venues list nearly all.
    if (venue == "binance" || venue == "gateio" || venue == "mexc") return true;
    const std::uint64_t percent = 20 + 80 * 40 / (40 + rank);
    return hash_of(venue, hash_of(ticker)) % 100 < percent;
}

double log_price(std::uint64_t seed, std::string_view symbol, SimTime at) {
    if (is_dollar_coin(symbol)) return 0;
    const double seconds = std::chrono::duration<double>(at.time_since_epoch()).count();
    const std::uint64_t walk = hash_of(symbol, seed);
    double sum = 0;
    double period = shortest_wave;
    for (int wave = 0; wave < waves; ++wave, period *= 2) {
        const std::uint64_t of_wave = walk + static_cast<std::uint64_t>(wave) * 0x632be59bd9b4e019;
        const double position = seconds / period;
        const double whole = std::floor(position);
        const double part = position - whole;
        const auto index = static_cast<std::int64_t>(whole);
        const double eased = part * part * (3 - 2 * part);
        const double value =
            at_lattice(of_wave, index) * (1 - eased) + at_lattice(of_wave, index + 1) * eased;
        sum += value * std::sqrt(period / 60);
    }
    return sum * sigma_of_minute;
}

}  // namespace pricewire::sim
