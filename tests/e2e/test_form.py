"""The launch form: what applies is shown, what is wrong is said at its field."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Server, Watched


@pytest.fixture
def form(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}/#/launch")
    page.locator("run-form").wait_for()
    return page


def field(page: Page, path: str) -> Locator:
    return page.locator(f"[data-path='{path}']")


def test_fields_without_effect_are_hidden_and_not_sent(form: Page) -> None:
    expect(field(form, "spec.corruption")).to_be_hidden()
    form.get_by_label("Randomization").select_option("corrupted_labels")
    form.get_by_label("Corruption p").fill("0.5")
    form.get_by_text("Show as JSON").click()
    request = form.get_by_label("The request as JSON")
    expect(request).to_contain_text('"corruption": 0.5')
    form.get_by_label("Randomization").select_option("true_labels")
    expect(field(form, "spec.corruption")).to_be_hidden()
    expect(request).not_to_contain_text("corruption")


def test_batch_normalisation_is_asked_of_inception_alone(form: Page) -> None:
    expect(field(form, "spec.batch_norm")).to_be_hidden()
    form.get_by_label("Model", exact=True).select_option("inception")
    expect(field(form, "spec.batch_norm")).to_be_visible()
    form.get_by_label("Batch normalisation").select_option("none")
    expect(field(form, "spec.bn_momentum")).to_be_hidden()


def test_every_field_of_the_schema_is_in_the_form(form: Page, server: Server) -> None:
    schema = server.api.get("/capabilities").json()["run_schema"]
    spec = {f"spec.{name}" for name in schema["$defs"]["SpecRequest"]["properties"]}
    stop = {f"stop.{name}" for name in schema["$defs"]["StopRule"]["properties"]}
    own = set(schema["properties"]) - {"spec", "stop"}
    shown = form.locator("[data-path]").evaluate_all("all => all.map(one => one.dataset.path)")
    assert set(shown) == spec | stop | own


BAD_INPUT = [
    ("Epochs", "1000000000", "less than or equal to 10000"),
    ("Epochs", "many", "valid integer"),
    ("Training images", "60000", "CIFAR-10 has 50000 such images"),
    ("Width factor", "NaN", "finite number"),
]


def test_bad_input_is_said_at_its_field_and_launches_nothing(
    form: Page, watched: Watched, server: Server
) -> None:
    watched.refusals_expected = True
    before = server.api.get("/runs").json()["total"]
    for label, text, message in BAD_INPUT:
        control = form.get_by_label(label, exact=True)
        good = control.input_value()
        control.fill(text)
        form.locator("button.main").click()
        expect(control).to_have_attribute("aria-invalid", "true")
        expect(control).to_be_focused()
        expect(control.locator("xpath=ancestor::div[@data-path]")).to_contain_text(message)
        expect(form.get_by_role("alert").filter(has_text="not allowed")).to_be_visible()
        expect(form.locator("button.main")).to_have_text("Launch")
        control.fill(good)
        expect(control).not_to_have_attribute("aria-invalid", "true")
    assert server.api.get("/runs").json()["total"] == before


def test_a_fault_in_a_closed_group_opens_it(form: Page, watched: Watched) -> None:
    watched.refusals_expected = True
    group = form.locator("details", has_text="Optimiser and initial weights")
    group.locator("summary").click()
    form.get_by_label("Batch size").fill("0")
    group.locator("summary").click()
    form.locator("button.main").click()
    expect(form.get_by_label("Batch size")).to_be_visible()
    expect(field(form, "spec.batch_size")).to_contain_text("greater than or equal to 1")


def test_a_run_that_exists_is_opened_and_not_repeated(form: Page, server: Server) -> None:
    run_id = server.launch(epochs=1, seed=77)
    form.goto(f"{server.url}/#/launch?from={run_id}")
    expect(form.get_by_text("Filled in from")).to_be_visible()
    expect(form.locator("estimate-line")).to_contain_text("exists already")
    form.get_by_role("button", name="Open the run").click()
    form.wait_for_url(f"**/#/runs/{run_id}")


def test_a_clone_of_any_run_asks_for_that_run(form: Page, server: Server) -> None:
    for spec in (
        {"model": "inception", "batch_norm": "none", "learning_rate": 0.02, "width": 1.0},
        {"randomization": "corrupted_labels", "corruption": 0.3, "data_seed": 5, "batch_size": 50},
        {"randomization": "gaussian", "variant": "report", "decay": 1.0, "warmup_steps": 10},
        {"random_crop": True, "hue": 0.1, "weight_decay": 0.001, "precision": "bf16"},
        {"model": "alexnet", "n_train": None, "n_test": None, "replicate": 2, "crop": 32},
    ):
        run_id = server.launch(epochs=3, **spec)
        form.goto(f"{server.url}/#/launch?from={run_id}")
        expect(form.get_by_text("Filled in from")).to_be_visible()
        expect(form.locator("estimate-line")).to_contain_text("exists already")
        form.get_by_role("button", name="Open the run").click()
        form.wait_for_url(f"**/#/runs/{run_id}")


def test_on_a_phone_the_field_at_fault_is_not_below_the_panel(form: Page, watched: Watched) -> None:
    watched.refusals_expected = True
    form.set_viewport_size({"width": 390, "height": 780})
    control = form.get_by_label("Epochs", exact=True)
    control.fill("0")
    control.evaluate("e => scrollBy(0, e.getBoundingClientRect().bottom - innerHeight + 100)")
    form.locator("button.main").click()
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_be_focused()
    hit = control.evaluate("""e => {
        const { x, y, width, height } = e.getBoundingClientRect();
        return document.elementFromPoint(x + width / 2, y + height / 2) === e;
    }""")
    assert hit, "something lies over it"
