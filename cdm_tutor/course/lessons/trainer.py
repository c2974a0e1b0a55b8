"""Lesson 06: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Trained

LESSON = Lesson(
    number="06",
    title="The trainer",
    module="trainer",
    about="Training that stops, goes on and is shared by several processes without losing a step.",
    exercises=(
        Exercise(
            "learning_rate",
            steps=(
                "the rise: a share of 1 that grows with each step of the warm-up, then stays; mind a warm-up of 0",
                "the fall: math.cos goes from 1 to -1 in half a turn, flat at both ends. How does it go from 1 to 0?",
                "return the highest rate times both",
            ),
            hints=(
                "At the very first step (step = 0) of a warm-up of 4, which quarter of the rate is used? And at step "
                "100?",
                "Both factors apply all the time, so that no jump is left where the warm-up ends. A straight line that "
                "stops at 1 is the smaller of two numbers: min(1, (step + 1) / warmup). The fall is "
                "(1 + cos(pi * progress)) / 2.",
                "rise = min(1.0, (step + 1) / settings.warmup), or 1.0 where the warm-up is 0; fall is half of "
                "1 + math.cos(math.pi * progress); multiply them with settings.lr.",
            ),
            minutes=4,
            scenes=(Trained(),),
        ),
        Exercise(
            "update_ema",
            steps=(
                "how much of the old average stays: two bounds stand above",
                "each parameter of ema, in place: that much of itself, and the rest of the network's parameter",
            ),
            hints=(
                "After the first step, how much should still be left of the random numbers that the network began as? "
                "And which of the two bounds says so?",
                "d = min(decay, (1 + step) / (10 + step)). ema.parameters() and model.parameters() come in the same "
                "order: zip walks through both. A name that is assigned to anew in the loop changes nothing in the "
                "network: methods that end in _ do.",
                "For each pair, average.mul_(d).add_(weight, alpha=1 - d). One method does both: a.lerp_(b, s) moves a "
                "by the share s towards b, so average.lerp_(weight, 1 - d).",
            ),
            minutes=4,
            scenes=(Trained(),),
        ),
        Exercise(
            "draw_batch",
            steps=(
                "which epoch this step is in, and which of the epoch's batches it is",
                "order_of_epoch gives the order of all images in that epoch: which of them are in this batch?",
                "a generator from the seed and the step: seeded(settings.seed, 1, step)",
                'from it the timesteps, 0 up to T, T excluded; if settings.timesteps is "focused", ask _to_the_middle',
                "and after them the noise, like the batch's images (draw_like)",
                "for several processes: of images, timesteps and noise take the places rank, rank + world, ...",
                "return the three, on the images' device",
            ),
            hints=(
                "An epoch of 20 images has 3 batches of 6. Which batch of which epoch is step 4, counted from 0, and "
                "which places of the epoch's order are in it?",
                "divmod(step, images // batch) gives both. Batch number k holds the places from k * batch up to "
                "(k + 1) * batch. Always draw t and noise for the whole batch; [rank::world] of images, t "
                "and noise is this process's share, and for one process all of it.",
                "epoch, number = divmod(step, len(images) // settings.batch); chosen is a slice of "
                "order_of_epoch(len(images), settings.seed, epoch); torch.randint(0, T, (settings.batch,), "
                "generator=generator) and draw_like(images[: settings.batch], generator); with mine = slice(rank, "
                "None, world), index chosen, t and noise by mine, and images by chosen[mine].",
            ),
            minutes=7,
            scenes=(Trained(),),
        ),
        Exercise(
            "Training.load_state_dict",
            steps=("what state_dict put in comes out again, all of it: three parts know how to load their own state",),
            hints=(
                "Adam remembers how large each gradient was of late. What happens in the first step if that is lost?",
                "Everything that state_dict puts in must be taken out: five things, three of which know how.",
                "self.model, self.ema and self.optimizer each load the entry of their name; self.step and self.seconds "
                "are just assigned.",
            ),
            minutes=3,
            scenes=(Trained(stopped=210),),
        ),
        Exercise(
            "train_step",
            steps=(
                "forget the gradients of the step before. Once a step, or once a part?",
                "for each part of the share (_parts): training.loss of training.network on it, a number an image",
                "    (Loss, at the top of the file, says in which order; the prediction is in training.settings)",
                "go backward: from what, so that all parts leave the gradient wanted together? Keep losses, detached",
                "the mean loss and that of each third of timesteps: _summary(all losses, the third of each: 0 to 2)",
                "check_finite of the mean, before any weight has changed",
                "nn.utils.clip_grad_norm_ cuts the gradient to settings.grad_clip and returns its length from before: "
                "check it",
                "let the optimiser step; check the length of all weights, nn.utils.get_total_norm; return mean, thirds",
            ),
            hints=(
                "Two parts have 6 and 5 images of a batch of 11, and their gradients are added up. By what must each "
                "sum be divided, so that the sum of both is the gradient of the mean of all 11?",
                "backward adds to what is in .grad already: within a step that is wanted, between steps it is not. So "
                "(loss.sum() / settings.batch).backward(). Whatever changes gradients comes before the optimiser's "
                "step. A finite loss can have an infinite gradient: look at both before the step.",
                "optimizer.zero_grad(); in the loop loss = training.loss(training.network, x0[part], t[part], "
                "noise[part], training.schedule, settings.prediction), then (loss.sum() / settings.batch).backward() "
                "and loss.detach() into a list; _summary(torch.cat(losses), t * 3 // T); check_finite; "
                "nn.utils.clip_grad_norm_(parameters, length), which returns the length from before; optimizer.step(); "
                "nn.utils.get_total_norm(parameters).",
            ),
            minutes=9,
            scenes=(Trained(),),
        ),
        Exercise(
            "fit",
            steps=(
                "for several processes: distributed.rank() and distributed.world_size(); with one they are 0 and 1",
                "settings.check_enough(number of images, world) refuses too few",
                "timesteps are below settings.t_below, or if that is None below the schedule's length",
                "as long as settings.progress of training.step and training.seconds is below 1:",
                "    note time.perf_counter(), and put the learning rate into training.optimizer.param_groups[0]",
                "    draw_batch, train_step, update_ema, all with training.step as it is before the step",
                "    only then count: training.step, and in training.seconds the time that the step took",
                "    (for several processes, hand that time through distributed.same; with one it stays as it is)",
                "    yield a Step: its number from 1, loss, thirds, rate, the progress now, the seconds so far",
            ),
            hints=(
                "Somebody loads a state from step 500 and calls fit. At which number does it go on, and who knows it?",
                "A function with yield in it does nothing until it is asked for an item, and then runs up to the next "
                "yield. All counting is done in training, never in a variable of fit's own. With one process "
                "distributed.same(x) is just x.",
                "while (progress := settings.progress(training.step, training.seconds)) < 1: learning_rate, draw_batch "
                "with training.step, T, settings, rank and world, train_step, update_ema with training.ema, "
                "training.model and settings.ema_decay, training.step += 1, training.seconds += "
                "distributed.same(time.perf_counter() - start), then yield Step(training.step, loss, thirds, lr, ...).",
            ),
            minutes=7,
            scenes=(Trained(),),
        ),
    ),
)
