package locales

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// Fallback is the language of whoever asks for none that we speak.
const Fallback = "en"

// spoken is static after initialisation. The first is the matcher's default.
var (
	spoken  = []string{Fallback, "fr"}
	texts   = make(map[string]map[string]string)
	sources = make(map[string][]byte)
	matcher = language.NewMatcher([]language.Tag{language.English, language.French})
)

func init() {
	for _, lang := range spoken {
		b, err := files.ReadFile(lang + ".json")
		if err != nil {
			panic(fmt.Sprintf("locales: %v", err)) // the embed directive is wrong
		}
		var m map[string]string
		if err := json.Unmarshal(b, &m); err != nil {
			panic(fmt.Sprintf("locales: %s.json: %v", lang, err)) // held by the tests
		}
		texts[lang], sources[lang] = m, b
	}
}

// Languages are the codes of the languages spoken, the fallback first.
func Languages() []string { return append([]string(nil), spoken...) }

// Match picks the language to answer in: the reader's choice (?lang=), else the
// cookie that kept an earlier one, else the best of Accept-Language, else
// [Fallback]. What names no language of ours is passed over.
func Match(choice, cookie, acceptLanguage string) string {
	for _, s := range []string{choice, cookie} {
		if _, ok := texts[s]; ok {
			return s
		}
	}
	// A long header is not a person's; parsing it would only cost time.
	if len(acceptLanguage) > 1024 {
		return Fallback
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return Fallback
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return Fallback
	}
	return spoken[i]
}

// Text is the sentence named key in the language lang. The arguments are pairs
// of a placeholder's name and its value; where the key counts, the pair "n"
// picks the plural form. An unknown key is its own text, so that a slip shows.
func Text(lang, key string, pairs ...any) string {
	m, ok := texts[lang]
	if !ok {
		lang, m = Fallback, texts[Fallback]
	}
	s, ok := m[key]
	replace := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		if n, isInt := pairs[i+1].(int); isInt && pairs[i] == "n" && !ok {
			s, ok = m[key+"."+plural(lang, n)]
		}
		replace = append(replace, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	if !ok {
		return key
	}
	return strings.NewReplacer(replace...).Replace(s)
}

// JSON is the whole language as one JSON object of strings, for the page.
func JSON(lang string) []byte {
	b, ok := sources[lang]
	if !ok {
		b = sources[Fallback]
	}
	return append([]byte(nil), b...)
}

// plural is the CLDR plural category of a whole number: French counts zero as
// one. (French "many" begins at a million, in compact forms we don't use.)
func plural(lang string, n int) string {
	if n == 1 || n == 0 && lang == "fr" {
		return "one"
	}
	return "other"
}
