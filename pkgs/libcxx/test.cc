// What a program may expect of the C++ run time. One argument: the name of the test.
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct counted {
	int &count;
	explicit counted(int &c) : count(c) { ++count; }
	~counted() { --count; }
};

static int exceptions()
{
	int alive = 0;
	try {
		counted first(alive);
		std::vector<int> v(3);
		v.at(3) = 1;
	} catch (const std::out_of_range &e) {
		return alive == 0 && std::string(e.what()).size() > 0 ? 0 : 1;
	}
	return 1;
}

static int threads()
{
	std::map<std::string, int> sizes;
	std::vector<std::thread> all;
	std::vector<std::string> text(8);
	for (std::size_t i = 0; i < text.size(); i++)
		all.emplace_back([&text, i] {
			try {
				throw i;
			} catch (std::size_t n) {
				text[n] = std::to_string(n);
			}
		});
	for (auto &t : all) t.join();
	for (auto &t : text) sizes[t] = 1;
	std::cout << sizes.size() << " threads\n";
	return sizes.size() == 8 ? 0 : 1;
}

static int index(int argc)
{
	std::vector<int> v(2);
	return v[static_cast<std::size_t>(argc)] == 0 ? 0 : 0;
}

int main(int argc, char **argv)
{
	std::string name = argc == 2 ? argv[1] : "";
	if (name == "exceptions") return exceptions();
	if (name == "threads") return threads();
	if (name == "index") return index(argc);
	return 2;
}
