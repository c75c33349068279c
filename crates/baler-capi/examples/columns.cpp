// Columns of a table, one bound each, by a class of ten lines around baler.h; exits with 0 if all came back within their bounds.
#include <baler.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

template <class T> constexpr int32_t dtype();
template <> constexpr int32_t dtype<double>() { return BALER_FLOAT64; }
template <> constexpr int32_t dtype<int32_t>() { return BALER_INT32; }

static void check(int32_t status)
{
    if (status != BALER_OK)
        throw std::runtime_error(baler_error());
}

template <class T> std::vector<char> compress(const std::vector<T> &column, baler_options options)
{
    const size_t shape[] = {column.size()};
    std::vector<char> bytes(baler_max_bytes(dtype<T>(), 1, shape));
    size_t n_bytes = 0;
    check(baler_compress(column.data(), dtype<T>(), 1, shape, &options, bytes.data(), bytes.size(), &n_bytes));
    bytes.resize(n_bytes);
    return bytes;
}

template <class T> std::vector<T> decompress(const std::vector<char> &bytes)
{
    baler_info info;
    check(baler_read_info(bytes.data(), bytes.size(), &info));
    if (info.dtype != dtype<T>())
        throw std::runtime_error("another element type");
    std::vector<T> column(info.size_bytes / sizeof(T));
    check(baler_decompress(bytes.data(), bytes.size(), column.data(), info.size_bytes, 1));
    return column;
}

static bool columns_come_back(double phase)
{
    std::vector<double> momentum(20000);
    std::vector<int32_t> run(momentum.size());
    for (size_t i = 0; i < momentum.size(); i++) {
        momentum[i] = std::exp(3 * std::sin(phase + 0.37 * double(i * i % 1009)));
        run[i] = int32_t(i / 100);
    }
    baler_options share{}, exact{};
    share.kind = BALER_PW_REL;
    share.bound = 1e-3;
    const auto small = compress(momentum, share);
    const auto back = decompress<double>(small);
    for (size_t i = 0; i < momentum.size(); i++)
        if (!(std::fabs(back[i] - momentum[i]) <= share.bound * std::fabs(momentum[i])))
            return false;
    return decompress<int32_t>(compress(run, exact)) == run && small.size() < momentum.size() * sizeof(double) / 3;
}

int main()
{
    try {
        bool first = false, second = false;
        std::thread other([&] { second = columns_come_back(0.5); });
        first = columns_come_back(0);
        other.join();
        std::vector<char> damaged = compress(std::vector<double>(100, 1.5), baler_options{});
        damaged.pop_back();
        bool refused = false;
        try {
            decompress<double>(damaged);
        } catch (const std::runtime_error &) {
            refused = true;
        }
        std::printf("C++: two threads, a bound for each column: %s\n", first && second && refused ? "as promised" : "broken");
        return first && second && refused ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
