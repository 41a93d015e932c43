// C++'s standard library inside: exceptions over frames and threads, atomics, locks, futures, RTTI, locale.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <variant>
#include <vector>
struct Noisy { std::string name; ~Noisy() { std::cout << "destroyed " << name << "\n"; } };
struct Base { virtual ~Base() = default; virtual int f() const { return 1; } };
struct Derived : virtual Base { int f() const override { return 2; } };
struct Other : virtual Base {};
struct Both : Derived, Other {};
[[gnu::noinline]] int thrower(int n) { Noisy here{"frame " + std::to_string(n)}; if (n == 0) throw std::out_of_range("deep"); return thrower(n - 1) + 1; }
static void exceptions() {
  try { thrower(3); } catch (const std::logic_error &e) { std::cout << "caught " << e.what() << "\n"; }
  try { try { throw 42; } catch (int n) { std::cout << "int " << n << "\n"; throw; } } catch (...) { std::cout << "again\n"; }
  try { try { throw std::runtime_error("inner"); } catch (...) { std::throw_with_nested(std::logic_error("outer")); } } catch (const std::exception &e) { std::cout << e.what(); try { std::rethrow_if_nested(e); } catch (const std::exception &n) { std::cout << " of " << n.what() << "\n"; } }
  std::exception_ptr kept; try { throw std::string("kept"); } catch (...) { kept = std::current_exception(); }
  std::thread([&] { try { std::rethrow_exception(kept); } catch (const std::string &s) { std::cout << "in a thread: " << s << "\n"; } }).join();
  try { std::vector<int>(3).at(9); } catch (const std::exception &e) { std::cout << typeid(e).name() << "\n"; }
  try { (void)dynamic_cast<Both &>(*std::make_unique<Derived>()); } catch (const std::bad_cast &) { std::cout << "bad cast\n"; }
  try { (void)new char[std::size_t(-1) / 4]; } catch (const std::bad_alloc &) { std::cout << "bad alloc\n"; }
  try { std::function<void()>()(); } catch (const std::bad_function_call &) { std::cout << "no function\n"; }
  try { (void)std::get<int>(std::variant<int, char>('c')); } catch (const std::bad_variant_access &) { std::cout << "wrong variant\n"; }
  int caught = 0; for (int i = 0; i < 1000; i++) try { if (i % 2) throw i; } catch (int) { caught++; } std::cout << caught << "\n";
  Both both; Base *base = &both; std::cout << base->f() << " " << (dynamic_cast<Other *>(base) != nullptr) << " " << (typeid(*base) == typeid(Both)) << "\n";
}
static void threads() {
  std::atomic<long> sum{0}; std::mutex m; std::map<int, int> seen; std::vector<std::thread> pool;
  for (int n = 0; n < 4; n++) pool.emplace_back([&, n] { for (int i = 0; i < 1000; i++) sum += i; std::lock_guard lock(m); seen[n] = n * n; });
  for (auto &t : pool) t.join();
  std::cout << sum << " " << seen.size() << "\n";
  std::condition_variable cv; bool ready = false; std::thread waiter([&] { std::unique_lock lock(m); cv.wait(lock, [&] { return ready; }); std::cout << "woken\n"; }); { std::lock_guard lock(m); ready = true; } cv.notify_one(); waiter.join();
  std::unique_lock lock(m); std::cout << (cv.wait_for(lock, std::chrono::milliseconds(2)) == std::cv_status::timeout) << "\n"; lock.unlock();
  auto good = std::async(std::launch::async, [] { return 6 * 7; }); auto bad = std::async(std::launch::async, []() -> int { throw std::runtime_error("from a future"); }); std::cout << good.get() << "\n"; try { bad.get(); } catch (const std::exception &e) { std::cout << e.what() << "\n"; }
  std::promise<int> promise; auto future = promise.get_future(); std::thread([p = std::move(promise)]() mutable { p.set_value(9); }).join(); std::cout << future.get() << "\n"; std::future<int> orphan; { std::promise<int> gone; orphan = gone.get_future(); } try { orphan.get(); } catch (const std::future_error &e) { std::cout << "broken promise\n"; }
  std::shared_mutex sm; { std::shared_lock a(sm), b(sm); std::cout << sm.try_lock() << "\n"; } std::once_flag flag; int runs = 0; for (int i = 0; i < 3; i++) std::call_once(flag, [&] { runs++; }); std::cout << runs << "\n";
  static thread_local int local = 1; local = 5; int there = 0; std::thread([&] { there = local; }).join(); std::cout << local << there << "\n"; auto shared = std::make_shared<int>(3); std::weak_ptr<int> weak = shared; std::thread([shared] { }).join(); shared.reset(); std::cout << weak.expired() << "\n";
}
static void streams() { std::ostringstream out; out << std::hex << 255 << ' ' << std::fixed << 3.14159 << ' ' << std::boolalpha << true; std::cout << out.str() << "\n"; { std::ofstream("file") << "line 1\nline 2\n"; } std::ifstream in("file"); std::string line; int n = 0; while (std::getline(in, line)) n++; std::cout << n << "\n"; std::remove("file"); std::ifstream missing("file"); missing.exceptions(std::ios::failbit); try { missing >> n; } catch (const std::ios_base::failure &) { std::cout << "stream failure\n"; } try { (void)std::stoi("x"); } catch (const std::invalid_argument &e) { std::cout << e.what() << "\n"; } }
static void after() noexcept { throw 1; }
int main() { exceptions(); threads(); streams(); std::set_terminate([] { std::cout << "terminate" << std::endl; std::_Exit(9); }); after(); }
