// SPDX-License-Identifier: Apache-2.0

// Command conditions compiles and evaluates the conditions of Plugin objects over KubeVirt's own
// Go types, as the two programs do that meet them:
//
//   - launcher: virt-launcher, for spec.condition and domainHooks[].condition. Go names
//     (vmi.Annotations), a domain beside the VMI, no extension libraries
//     (KubeVirt 1.9, pkg/virt-launcher/virtwrap/plugins/cel/evaluator.go).
//   - handler: virt-handler, for spec.condition and nodeHooks[].condition. JSON names
//     (vmi.metadata.annotations), extension libraries (pkg/plugins/cel/evaluator.go).
//
// It reads a list of questions from standard input and writes a list of answers, both JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	kubevirt "kubevirt.io/api/core/v1"
	"libvirt.org/go/libvirtxml"
)

// costLimit is KubeVirt's, in both programs.
const costLimit = 10_000_000

// question is one condition in one dialect, and the VMIs to evaluate it on.
type question struct {
	Dialect   string            `json:"dialect"`
	Condition string            `json:"condition"`
	VMIs      []json.RawMessage `json:"vmis"`
}

// answer holds either why the condition does not compile, or one result for each VMI.
type answer struct {
	Error   string   `json:"error,omitempty"`
	Results []result `json:"results"`
}

// result is the condition's value for one VMI, or the error of the evaluation.
type result struct {
	Value bool   `json:"value"`
	Error string `json:"error,omitempty"`
}

// environment returns what the program that speaks the dialect compiles conditions in.
func environment(dialect string) (*cel.Env, error) {
	vmi := cel.Variable("vmi", cel.ObjectType("v1.VirtualMachineInstance"))
	switch dialect {
	case "launcher":
		return cel.NewEnv(
			ext.NativeTypes(
				reflect.TypeFor[*libvirtxml.Domain](),
				reflect.TypeFor[*kubevirt.VirtualMachineInstance](),
			),
			cel.Container("libvirtxml"),
			vmi,
			cel.Variable("domainSpec", cel.ObjectType("libvirtxml.Domain")),
		)
	case "handler":
		return cel.NewEnv(
			ext.NativeTypes(
				reflect.TypeFor[*kubevirt.VirtualMachineInstance](),
				ext.ParseStructTag("json"),
			),
			ext.Strings(), ext.Math(), ext.Lists(),
			vmi,
			cel.CrossTypeNumericComparisons(true),
		)
	}
	return nil, fmt.Errorf("there is no dialect %q; expected launcher or handler", dialect)
}

// compile returns the program of a condition; a condition is a bool already to the checker.
func compile(dialect, condition string) (cel.Program, error) {
	env, err := environment(dialect)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(condition)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("the condition is of type %s; expected bool", ast.OutputType())
	}
	return env.Program(ast, cel.CostLimit(costLimit))
}

// evaluate decodes the VMI as KubeVirt does and returns the condition's value for it.
func evaluate(program cel.Program, dialect string, raw json.RawMessage) result {
	vmi := &kubevirt.VirtualMachineInstance{}
	if err := json.Unmarshal(raw, vmi); err != nil {
		return result{Error: err.Error()}
	}
	variables := map[string]any{"vmi": vmi}
	if dialect == "launcher" {
		variables["domainSpec"] = &libvirtxml.Domain{}
	}
	out, _, err := program.Eval(variables)
	if err != nil {
		return result{Error: err.Error()}
	}
	value, ok := out.Value().(bool)
	if !ok {
		return result{Error: fmt.Sprintf("the condition returned %T; expected bool", out.Value())}
	}
	return result{Value: value}
}

func reply(asked question) answer {
	program, err := compile(asked.Dialect, asked.Condition)
	if err != nil {
		return answer{Error: err.Error()}
	}
	replied := answer{}
	for _, raw := range asked.VMIs {
		replied.Results = append(replied.Results, evaluate(program, asked.Dialect, raw))
	}
	return replied
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fmt.Fprintln(os.Stderr, "cannot read the questions:", err)
		os.Exit(1)
	}
	answers := []answer{}
	for _, asked := range questions {
		answers = append(answers, reply(asked))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "cannot write the answers:", err)
		os.Exit(1)
	}
}
