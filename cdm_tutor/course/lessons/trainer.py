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
                "the fall: from 1 to 0 along half a cosine",
                "the highest rate times both",
            ),
            hints=(
                "At the very first step (step = 0) of a warm-up of 4, which quarter of the rate is used? And at step "
                "100?",
                "Both factors apply all the time, so that no jump is left where the warm-up ends. A straight line that "
                "stops at 1 is the smaller of two numbers.",
                "rise = min(1.0, (step + 1) / settings.warmup), or 1.0 where the warm-up is 0; fall is half of "
                "1 + math.cos(math.pi * progress); multiply them with settings.lr.",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "update_ema",
            steps=(
                "how much of the old average stays: d, from the formula above",
                "each parameter of ema, in place: d of itself, and the rest of the network's parameter",
            ),
            hints=(
                "After the first step, how much should still be left of the random numbers that the network began as?",
                "ema.parameters() and model.parameters() come in the same order: zip walks through both. A name that "
                "is assigned to anew in the loop changes nothing in the network: methods that end in _ do.",
                "d = min(decay, (1 + step) / (10 + step)); then for each pair, average.mul_(d).add_(weight, "
                "alpha=1 - d), or average.lerp_(weight, 1 - d).",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "share_of_epoch",
            steps=(
                "the numbers 0 to n - 1 in an order drawn from the seed, which is every process's seed",
                "and from the epoch, so that each epoch has another",
                "of that order, every world-th from the rank-th on, as a tensor",
            ),
            hints=(
                "Two processes deal out one pack of cards without speaking to each other. What must they agree on?",
                "torch's DistributedSampler does it: it takes a data set to count, the number of processes, the rank "
                "and a seed, and must be told the epoch. Or shuffle with torch.randperm and a generator, and slice.",
                "DistributedSampler(TensorDataset(torch.arange(n)), world, rank, seed=seed), then set_epoch(epoch), "
                "then torch.tensor(list(...)). Or torch.randperm(n, generator=seeded(seed, 0, epoch))[rank::world].",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "draw_batch",
            steps=(
                "which epoch this step is in, and which of the epoch's batches it is",
                "the order in which this process meets its images in this epoch: share_of_epoch",
                "the place of each of these in the step's batch, of all processes together; keep those in the batch",
                "a generator from the seed and the step: seeded(settings.seed, 1, step)",
                'timesteps for the whole batch, from 0 up to T, T excluded; if "focused", ask _to_the_middle',
                "noise for the whole batch, like its images (draw_like)",
                "return this process's images, and of timesteps and noise those at its places, on the images' device",
            ),
            hints=(
                "An epoch of 20 images has 3 batches of 6; step 4 is the second batch of the second epoch. Of two "
                "processes, which images of that batch fall to the second?",
                "The i-th image of a process is the (rank + world * i)-th of the epoch; its place in the batch is that "
                "number less the images of the batches before. Draw t and noise for all settings.batch places, then "
                "pick: so each image gets the same, whoever takes it.",
                "place = rank + world * torch.arange(len(order)) - number * settings.batch, of which those from 0 "
                "up to settings.batch are in it: mine = (place >= 0) & (place < settings.batch). x0 is "
                "images[order[mine]]; torch.randint(0, T, (settings.batch,), generator=...) and draw_like(images[: "
                "settings.batch], generator) are indexed with place[mine].",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "Training.load_state_dict",
            steps=(
                "the weights, their average and the optimiser: each has a load_state_dict of its own",
                "how far it has come: step and seconds",
            ),
            hints=(
                "Adam remembers how large each gradient was of late. What happens in the first step if that is lost?",
                "Everything that state_dict puts in must be taken out: five things, three of which know how.",
                "self.model, self.ema and self.optimizer each load the entry of their name; self.step and self.seconds "
                "are just assigned.",
            ),
            scenes=(Trained(stopped=210),),
        ),
        Exercise(
            "train_step",
            steps=(
                "forget the gradients of the step before",
                "for each part of the share (_parts): training.loss of training.network on it, a number an image",
                "go backward from their sum over the size of the whole batch; keep the losses, detached",
                "the mean loss and that of each third (0, 1, 2) of the timesteps: _summary",
                "raise Diverged if the mean is infinite or NaN, before any weight has changed: check_finite does it",
                "cut the gradient to settings.grad_clip, all parameters taken together; check its length, from before",
                "let the optimiser take its step, check the length of all weights, and return mean and thirds",
            ),
            hints=(
                "Two processes have 6 and 5 images of a batch of 11, and their gradients are added up. By what must "
                "each divide, so that the sum is the gradient of the mean of all 11?",
                "backward adds to what is in .grad already: within a step that is wanted, between steps it is not. The "
                "optimiser uses what is in .grad when it is called, so whatever changes gradients comes before. A "
                "finite loss can have an infinite gradient: look at both before the step.",
                "optimizer.zero_grad(); in the loop loss = training.loss(training.network, x0[part], t[part], "
                "noise[part], training.schedule, settings.prediction), then (loss.sum() / settings.batch).backward() "
                "and loss.detach() into a list; _summary(torch.cat(losses), t * 3 // T); check_finite; "
                "nn.utils.clip_grad_norm_(parameters, length), which returns the length from before; optimizer.step(); "
                "nn.utils.get_total_norm(parameters).",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "fit",
            steps=(
                "which process this is, and of how many (distributed); settings.check_enough refuses too few images",
                "timesteps below settings.t_below, or if that is None all of the schedule's",
                "as long as settings.progress of training.step and training.seconds is below 1:",
                "the learning rate into training.optimizer.param_groups",
                "this process's share of the batch, a step on it, the average",
                "count the step, and the seconds it took on time.perf_counter (distributed.same: the first process's)",
                "yield a Step: its number from 1, loss, thirds, rate, the progress now, the seconds so far",
            ),
            hints=(
                "Somebody loads a state from step 500 and calls fit. At which number does it go on, and who knows it?",
                "A function with yield in it does nothing until it is asked for an item, and then runs up to the next "
                "yield. All counting is done in training, never in a variable of fit's own.",
                "while (progress := settings.progress(training.step, training.seconds)) < 1: learning_rate, draw_batch "
                "with training.step, T, settings, rank and world, train_step, update_ema with training.ema and "
                "training.model, training.step += 1, then yield Step(training.step, loss, thirds, lr, ...).",
            ),
            scenes=(Trained(),),
        ),
    ),
)
