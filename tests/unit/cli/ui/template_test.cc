#include "cli/ui/template.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

const Json& Data() {
  static const Json data = Json::parse(R"({
    "Id": "abc", "Name": "/web", "Count": 3, "Size": 1.5, "Empty": "", "Nothing": null,
    "Names": ["a", "b", "c"], "None": [],
    "State": {"Running": true, "Paused": false, "ExitCode": 137, "Health": null},
    "Config": {"Labels": {"org.x": "1", "b": "2"}, "Env": ["A=1", "B=2"], "User": "root"},
    "Labels": "k=v,empty,com.x=a=b",
    "Mounts": [{"Source": "/s", "Destination": "/d"}, {"Source": "/t", "Destination": "/e"}]
  })");
  return data;
}

std::string Render(std::string_view text) {
  auto parsed = Template::Parse(text);
  if (!parsed) return "parse error: " + parsed.error().message;
  auto rendered = parsed->Render(Data());
  return rendered ? *rendered : "error: " + rendered.error().message;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

TEST(Template, KnowsWhichFieldsItMentions) {
  const auto mentions = [](std::string_view text) {
    auto parsed = Template::Parse(text);
    return parsed && parsed->Mentions("Size");
  };
  for (const char* text : {"{{.Size}}", "a {{json .Size}}", "{{if .Id}}x{{else}}{{$.Size}}{{end}}",
                           "{{range .Mounts}}{{.Size}}{{end}}", "{{upper (print .Id .Size)}}",
                           "{{if .Size}}x{{end}}"}) {
    EXPECT_TRUE(mentions(text)) << text;
  }
  for (const char* text :
       {"", "Size .Size", "{{.Id}}", "{{json .}}", "{{\".Size\"}}", "{{.Sizes}}"}) {
    EXPECT_FALSE(mentions(text)) << text;
  }
}

TEST(Template, RendersWhatScriptsUse) {
  const Case kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"{{.Id}}", "abc"},
      {"{{ .Id }}", "abc"},
      {"a{{.Id}}b{{.Count}}c", "aabcb3c"},
      {"{{.State.ExitCode}}", "137"},
      {"{{.State.Running}}", "true"},
      {"{{.Size}}", "1.5"},
      {"{{.Nothing}}", "<no value>"},
      {"{{.Names}}", "[a b c]"},
      {"{{.Config.Labels}}", "map[b:2 org.x:1]"},
      {"{{json .Names}}", R"(["a","b","c"])"},
      {"{{json .Id}}", R"("abc")"},
      {"{{.State | json}}", R"({"Running":true,"Paused":false,"ExitCode":137,"Health":null})"},
      {"{{join .Names \",\"}}", "a,b,c"},
      {"{{index .Names 1}}", "b"},
      {"{{index .Config.Labels \"org.x\"}}", "1"},
      {"{{index .Config.Labels \"gone\"}}", ""},
      {"{{(index .Mounts 1).Source}}", "/t"},
      {"{{len .Names}}", "3"},
      {"{{len .Id}}", "3"},
      {"{{upper .Id}}{{lower \"ABC\"}}{{title .Id}}", "ABCabcAbc"},
      {"{{split \"a,b\" \",\" | len}}", "2"},
      {"{{slice .Id 1}}", "bc"},
      {"{{slice .Name 1 3}}", "we"},
      {"{{truncate .Id 2}}", "ab"},
      {"{{pad .Id 1 2}}|", " abc  |"},
      {"{{printf \"%s-%d\" .Id .Count}}", "abc-3"},
      {"{{printf \"%-5s|%5s|%05d\" .Id .Id .Count}}", "abc  |  abc|00003"},
      {"{{printf \"%q %v %t %x %.2f %%\" .Id .Names true 255 .Size}}",
       "\"abc\" [a b c] true ff 1.50 %"},
      {"{{println .Id .Count}}", "abc 3\n"},
      {"{{print 1 2 \"x\"}}", "1 2x"},
      {"{{if .State.Running}}yes{{else}}no{{end}}", "yes"},
      {"{{if .State.Paused}}yes{{else}}no{{end}}", "no"},
      {"{{if .Empty}}a{{else if .Id}}b{{else}}c{{end}}", "b"},
      {"{{if .Empty}}a{{else if .None}}b{{else}}c{{end}}", "c"},
      {"{{if .Gone}}yes{{else}}no{{end}}", "no"},
      {"{{if .State.Health}}{{.State.Health.Status}}{{end}}", ""},
      {"{{if eq .State.Health.Status \"healthy\"}}y{{else}}n{{end}}", "n"},
      {"{{if eq .Id \"abc\"}}y{{end}}", "y"},
      {"{{if eq .Id \"x\" \"abc\"}}y{{end}}", "y"},
      {"{{if ne .Count 3}}y{{else}}n{{end}}", "n"},
      {"{{if gt .Count 2}}y{{end}}{{if le .Count 2}}n{{end}}", "y"},
      {"{{if and .Id (not .Empty)}}y{{end}}", "y"},
      {"{{or .Empty \"default\"}}", "default"},
      {"{{range .Names}}{{.}} {{end}}", "a b c "},
      {"{{range $i, $n := .Names}}{{if $i}},{{end}}{{$n}}{{end}}", "a,b,c"},
      {"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=2;org.x=1;"},
      {"{{range .None}}x{{else}}empty{{end}}", "empty"},
      {"{{range .Mounts}}{{.Source}}:{{.Destination}}\n{{end}}", "/s:/d\n/t:/e\n"},
      {"{{range .Mounts}}{{$.Id}}{{end}}", "abcabc"},
      {"{{with .Config}}{{.User}}{{end}}", "root"},
      {"{{with .Empty}}x{{else}}none{{end}}", "none"},
      {"{{$x := .Id}}{{$x}}{{$x}}", "abcabc"},
      {"{{$x := 1}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "c"},
      {"a {{- .Id -}} b", "aabcb"},
      {"a{{/* a comment with }} or \" in it */}}b", "ab"},
      {"{{\"a\\tb\"}}{{`c\\n`}}", "a\tbc\\n"},
      {"{{.Label \"k\"}} {{.Label \"com.x\"}} {{.Label \"gone\"}}|", "v a=b |"},
      {"{{.Config.Labels.gone}}", "<no value>"},
      {"{{.Id | upper | printf \"%s!\"}}", "ABC!"},
      {"{{\"}}\"}}", "}}"},
      {"{{-3}}", "-3"},
  };
  for (const Case& test : kCases) EXPECT_EQ(Render(test.text), test.expected) << test.text;
}

TEST(Template, ExplainsMistakes) {
  const Case kCases[] = {
      {"{{.Id", "parse error: template: '{{' is not closed: '{{.Id'"},
      {"{{if .Id}}x", "parse error: template: {{if .Id}} has no {{end}}"},
      {"{{end}}", "parse error: template: {{end}} without an if, range or with"},
      {"{{else}}", "parse error: template: {{else}} without an if, range or with"},
      {"{{foo .Id}}", "parse error: template: there is no function 'foo'"},
      {"{{Id}}", "parse error: template: there is no function 'Id'"},
      {"{{}}", "parse error: template: a value is missing in '{{}}'"},
      {"{{.Id |}}", "parse error: template: a value is missing in '{{.Id |}}'"},
      {"{{| .Id}}", "parse error: template: a value is missing in '{{| .Id}}'"},
      {"{{(.Id}}", "parse error: template: a parenthesis is not closed or too many in '(.Id'"},
      {"{{.Id)}}", "parse error: template: a parenthesis is not closed or too many in '.Id)'"},
      {"{{\"x}}", "parse error: template: '{{' is not closed: '{{\"x}}'"},
      {"{{template \"x\"}}", "parse error: template: 'template' is not supported"},
      {"{{.Id ? 1}}", "parse error: template: unexpected '?' in '.Id ? 1'"},
      {"{{.Gone}}", "error: template: there is no field '.Gone'"},
      {"{{.State.Exitcode}}", "error: template: there is no field '.State.Exitcode'"},
      {"{{.Id.Name}}", "error: template: '.Id' has no fields, so there is no '.Name'"},
      {"{{$x}}", "error: template: there is no variable '$x'"},
      {"{{index .Names 7}}", "error: template: index 7 of a list of 3"},
      {"{{join .Id \",\"}}", "error: template: join wants a list and a separator"},
      {"{{range .Id}}{{end}}", "error: template: range wants a list, not 'abc'"},
      {"{{printf \"%s %s\" .Id}}", "error: template: printf '%s %s' wants more values"},
      {"{{printf \"%\" .Id}}", "error: template: printf: a '%' has no verb"},
      {"{{gt .Id 3}}", "error: template: cannot compare 'abc' with '3'"},
      {"{{.Id 3}}", "error: template: a value cannot be called with arguments"},
  };
  for (const Case& test : kCases) EXPECT_EQ(Render(test.text), test.expected) << test.text;
}

TEST(Template, RefusesBottomlessNesting) {
  std::string parentheses = "{{" + std::string(100000, '(') + "}}";
  EXPECT_EQ(Render(parentheses), "parse error: template: too many parentheses");
  std::string ifs;
  for (int i = 0; i < 100000; ++i) ifs += "{{if 1}}";
  EXPECT_EQ(Render(ifs), "parse error: template: too many actions in one another");
}

TEST(Template, NamesTheFieldThatWasMeant) {
  auto rendered = Template::Parse("{{.State.Exitcode}}")->Render(Data());
  EXPECT_EQ(rendered.error().hint, "did you mean .ExitCode?");
  EXPECT_EQ(rendered.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Template::Parse("{{Names}}").error().hint, "fields begin with a dot: .Names");
}

TEST(Template, PassesTitlesThroughInHeaders) {
  Json titles = {{"Names", "NAMES"}, {"ID", "CONTAINER ID"}};
  auto header = [&](std::string_view text) {
    return Template::Parse(text)->RenderHeader(titles).value_or("error");
  };
  EXPECT_EQ(header("{{.ID}}\t{{upper .Names}}"), "CONTAINER ID\tNAMES");
  EXPECT_EQ(header("{{json .Names}} {{join .Names \",\"}} {{slice .ID 2}}"),
            "NAMES NAMES CONTAINER ID");
  EXPECT_EQ(header("{{.Label \"com.x\"}}"), "com.x");
}

}  // namespace
}  // namespace hoy::cli
