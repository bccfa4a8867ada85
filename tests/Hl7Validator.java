import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.model.FhirPublication;
import org.hl7.fhir.r5.model.OperationOutcome;
import org.hl7.fhir.r5.model.OperationOutcome.IssueSeverity;
import org.hl7.fhir.r5.model.OperationOutcome.OperationOutcomeIssueComponent;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.r5.utils.IResourceValidator.ReferenceValidationPolicy;
import org.hl7.fhir.r5.validation.ValidationEngine;

/**
 * HL7's validator over a folder, a line for each file and each error: the tool's own command line ends at the first
 * file it stumbles over. Arguments: a folder of resources, where to write, and folders of definitions besides R4's.
 */
class Hl7Validator extends ValidationEngine {
    private Hl7Validator() throws Exception {
        super("hl7.fhir.r4.core#4.0.1", null, null, FhirPublication.R4);
    }

    public static void main(String[] arguments) throws Exception {
        Hl7Validator validator = new Hl7Validator();
        for (int n = 2; n < arguments.length; n++) {
            validator.loadIg(arguments[n], false);
        }
        validator.prepare();
        // the first question of this kind settles that there is no terminology server; before it, codes of systems
        // that R4 does not carry would be errors, after it they are left alone
        validator.getContext().supportsSystem("http://snomed.info/sct");
        try (PrintStream out = new PrintStream(arguments[1], StandardCharsets.UTF_8)) {
            for (Path file : files(Path.of(arguments[0]))) {
                validator.judge(file, out);
            }
        }
        System.exit(0);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().collect(Collectors.toList());
        }
    }

    private void judge(Path file, PrintStream out) {
        String name = file.getFileName().toString();
        FhirFormat format = name.endsWith(".xml") ? FhirFormat.XML : FhirFormat.JSON;
        try {
            OperationOutcome outcome = validate(name, Files.readAllBytes(file), format, List.of());
            for (OperationOutcomeIssueComponent issue : outcome.getIssue()) {
                boolean isError = issue.getSeverity() == IssueSeverity.ERROR || issue.getSeverity() == IssueSeverity.FATAL;
                if (isError) {
                    String place = issue.hasExpression() ? issue.getExpression().get(0).getValue() : "";
                    print(out, "error", name, place, issue.getDetails().getText());
                }
            }
        } catch (Exception | Error stumble) {
            print(out, "error", name, "", "The validator stumbled: " + stumble);
        }
        print(out, "done", name);
    }

    private static void print(PrintStream out, String... columns) {
        out.println(Stream.of(columns).map(text -> text.replaceAll("\\s+", " ")).collect(Collectors.joining("\t")));
    }

    /** The tool has no answer for references into hl7.org that it cannot follow. */
    @Override
    public ReferenceValidationPolicy validationPolicy(Object context, String path, String url) {
        boolean isKnown = getContext().fetchResource(StructureDefinition.class, url) != null;
        return isKnown ? ReferenceValidationPolicy.CHECK_VALID : ReferenceValidationPolicy.IGNORE;
    }

    /** Nothing is fetched, so most URLs cannot be followed; but R4's SearchParameters are all at hand. */
    @Override
    public boolean resolveURL(Object context, String path, String url) throws IOException {
        return !url.startsWith("http://hl7.org/fhir/SearchParameter/") || super.resolveURL(context, path, url);
    }
}
