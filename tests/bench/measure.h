#pragma once
// Wall-clock times of whole programs, interleaved so that a change of the machine's mood hits every
// contender alike; medians and ratios, as a table and as JSON.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace hoy::bench {

struct Program {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // on top of ours
  int mount_namespace = -1;                // joined before exec; -1: ours
  int network_namespace = -1;              // likewise
  std::string out;                         // stdout goes there; empty: /dev/null
};

struct Usage {
  double milliseconds = 0;
  long peak_kib = 0;  // of it and its children, getrusage(2)
  int code = 0;
};

// Throws when the program cannot be started or exits with other than 0 (stderr is shown).
Usage Measure(const Program& program);

// As many of it at the same time, each of which has to succeed.
Program AtOnce(Program program, int count);

struct Contender {
  std::string name;
  std::function<double()> once;  // one value; smaller is better unless the row says otherwise
};

// One line of the report.
struct Row {
  std::string metric;  // "run --rm true"
  std::string who;     // "hoy"
  std::string unit;    // "ms", "KiB", "MB/s"
  double median = 0;
  double best = 0;
  size_t samples = 0;
};

class Report {
 public:
  // Runs each contender once per round, after one unmeasured round.
  void Compare(const std::string& metric, const std::string& unit, int rounds,
               const std::vector<Contender>& contenders);
  void Add(Row row);
  void Note(const std::string& text);
  // Its text and where hoy stands; printed under the table.
  void Target(const std::string& text, bool met);
  std::optional<double> Median(const std::string& metric, const std::string& who) const;

  void Print() const;
  nlohmann::json ToJson() const;

 private:
  struct Goal {
    std::string text;
    bool met;
  };
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
  std::vector<Goal> goals_;
};

}  // namespace hoy::bench
