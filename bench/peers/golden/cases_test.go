package golden

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// policyCase becomes NAME.yaml: a block as a Collector's user writes it.
type policyCase struct {
	name     string
	traces   string
	note     string // what it shows
	settings string // beside the policies; a wait of 2 s where it says none
	policies string
}

// TestCases writes NAME.yaml for every case.
func TestCases(t *testing.T) {
	for _, one := range cases() {
		settings := one.settings
		if settings == "" {
			settings = "  decision_wait: 2s\n"
		}
		yaml := "# traces: " + one.traces + "\n# " + one.note + "\ntail_sampling:\n" + settings + "  policies:\n" + one.policies
		if err := os.WriteFile(filepath.Join(*folder, one.name+".yaml"), []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func cases() []policyCase {
	return slices.Concat(singleCases(), joinedCases(), limitsCases(), ottlCases())
}
