import { ask } from './connection.js';
import { byId, setHidden, setText } from './dom.js';
import { counted, shownName } from './format.js';
import { canRerun } from './header-view.js';
import type { Model } from './model.js';
import { FAILED, RUNNING, SKIPPED } from './run-state.js';
import type { Shown } from './view.js';

type Order = 'abort' | 'rerun';

/** The buttons that change what the program does: each asks first, and says what came of it. */
export class ControlView {
  readonly #model: Model;
  readonly #part = byId('control');
  readonly #abort = byId<HTMLButtonElement>('abort');
  readonly #rerun = byId<HTMLButtonElement>('rerun');
  readonly #dialog = byId<HTMLDialogElement>('confirm');
  readonly #question = byId('confirm-question');
  readonly #explanation = byId('confirm-explanation');
  readonly #yes = byId<HTMLButtonElement>('confirm-yes');
  readonly #answer = byId('answer');
  readonly #answerText = byId('answer-text');
  readonly #changed: () => void;
  #shown: Shown | undefined;
  #asked: { readonly order: Order; readonly runId: string; readonly graph: string } | undefined;
  #isUnderWay = false;

  constructor(model: Model, changed: () => void) {
    this.#model = model;
    this.#changed = changed;
    this.#abort.addEventListener('click', () => this.#ask('abort'));
    this.#rerun.addEventListener('click', () => this.#ask('rerun'));
    byId('confirm-no').addEventListener('click', () => this.#dialog.close());
    this.#yes.addEventListener('click', () => {
      this.#dialog.close();
      void this.#do();
    });
    byId('answer-close').addEventListener('click', () => setHidden(this.#answer, true));
  }

  draw(shown: Shown | undefined): void {
    this.#shown = shown;
    setHidden(this.#part, !this.#model.control || shown === undefined);
    if (shown === undefined) return;
    const canAsk = this.#model.connection === 'live' && !this.#isUnderWay;
    this.#abort.disabled = !canAsk || !shown.state.isUnderWay;
    this.#rerun.disabled = !canAsk || !canRerun(shown.state);
  }

  #ask(order: Order): void {
    if (this.#shown === undefined) return;
    const { run, counts } = this.#shown.state;
    this.#asked = { order, runId: run.runId, graph: shownName(run.graph, 60) };
    const isAbort = order === 'abort';
    setText(
      this.#question,
      isAbort
        ? `Abort the run of “${this.#asked.graph}”?`
        : `Reset what failed in “${this.#asked.graph}”, and run it again?`,
    );
    setText(
      this.#explanation,
      isAbort
        ? `${counted(counts[RUNNING]!, 'task')} that ${counts[RUNNING] === 1 ? 'runs' : 'run'} now will be interrupted, and nothing else starts. Results that are there are kept.`
        : `${counted(counts[FAILED]!, 'failed task')} and ${counted(counts[SKIPPED]!, 'skipped task')} will be pending again, and a new run begins with all that has no result. Results that are there are kept.`,
    );
    setText(this.#yes, isAbort ? 'Abort run' : 'Reset and run again');
    this.#yes.classList.toggle('danger', isAbort);
    this.#dialog.showModal();
  }

  async #do(): Promise<void> {
    if (this.#asked === undefined || this.#isUnderWay) return;
    const { order, runId, graph } = this.#asked;
    this.#isUnderWay = true;
    this.#say('', order === 'abort' ? `Aborting the run of “${graph}” …` : `Starting “${graph}” again …`);
    this.#changed();
    const wrong = await ask(order, runId);
    this.#isUnderWay = false;
    if (wrong !== undefined)
      this.#say('wrong', `${order === 'abort' ? 'The run was not aborted' : 'Nothing was run again'}: ${wrong}`);
    else
      this.#say(
        'right',
        order === 'abort'
          ? `The run of “${graph}” is being aborted.`
          : `What failed in “${graph}” was reset, and runs again.`,
      );
    // Whoever runs something again wants to see that.
    if (wrong === undefined && order === 'rerun') this.#model.choose(undefined);
    this.#changed();
  }

  #say(look: string, text: string): void {
    this.#answer.className = `answer ${look}`;
    setText(this.#answerText, text);
    setHidden(this.#answer, false);
  }
}
