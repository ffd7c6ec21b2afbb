(** Theorem 1 of proofs/stepwise.md: the exact run stays in a tube around the computed points,

        ||w~_t - w*_t|| <= rho_t,      rho_(t+1) >= Lambda_t rho_t + d_t,

    with Lambda_t a bound on the derivative of the step map on the ball around w~_t (if rho_t > 0)
    and d_t one on the defect ||G_t(w~_t) - w~_(t+1)||. The norm may change from step to step, as
    the coordinates of momentum do: rho is then multiplied by a bound on ||T' T^-1|| first.

    Relied on by `train_stepwise` and `Tube` (src/shadow/step_coordinates.cpp). *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums Recurrence MeanValue.
Local Open Scope R_scope.

Section Run.
Context {E : ModuleSpace R_Ring}.
Variables (G : nat -> E -> E) (exact point : nat -> E).
Hypothesis exact_run : forall t, exact (S t) = G t (exact t).

(** Norm t measures the state after t steps; change t takes it to the coordinates of step t. *)
Theorem tube_in_coordinates (Norm : nat -> E -> R) (change lambda d rho : nat -> R) (T : nat) :
  (forall t, seminorm (Norm t)) ->
  Norm O (minus (exact O) (point O)) <= rho O ->
  (forall t, (t < T)%nat -> 0 <= change t /\ 0 <= lambda t) ->
  (forall t x, (t < T)%nat -> Norm (S t) x <= change t * Norm t x) ->
  (forall t, (t < T)%nat -> Norm t (minus (exact t) (point t)) <= rho t ->
     Norm (S t) (minus (G t (exact t)) (G t (point t))) <=
     lambda t * Norm (S t) (minus (exact t) (point t))) ->
  (forall t, (t < T)%nat -> Norm (S t) (minus (G t (point t)) (point (S t))) <= d t) ->
  (forall t, (t < T)%nat -> lambda t * change t * rho t + d t <= rho (S t)) ->
  forall t, (t <= T)%nat -> Norm t (minus (exact t) (point t)) <= rho t.
Proof.
  intros HN H0 Hpos Hchange Hlip Hd Hrho.
  induction t as [|t IH]; intros Ht; [exact H0|].
  assert (Hin : Norm t (minus (exact t) (point t)) <= rho t) by (apply IH; lia).
  rewrite exact_run.
  eapply Rle_trans; [apply (seminorm_through _ (HN (S t)) _ (G t (point t)))|].
  eapply Rle_trans; [|apply Hrho; lia].
  apply Rplus_le_compat; [|apply Hd; lia].
  eapply Rle_trans; [apply Hlip; [lia | exact Hin]|].
  destruct (Hpos t) as [Hc Hl]; [lia|].
  rewrite Rmult_assoc. apply Rmult_le_compat_l; [exact Hl|].
  eapply Rle_trans; [apply Hchange; lia|].
  now apply Rmult_le_compat_l.
Qed.

(** The same with bounds on derivatives, on any convex set that holds both points: with momentum
    it is given by the weights alone. *)
Theorem tube_of_derivatives (Norm : nat -> E -> R) (change lambda d rho : nat -> R) (T : nat)
    (B : nat -> E -> Prop) (dG : nat -> E -> E -> E) :
  (forall t, seminorm (Norm t)) ->
  Norm O (minus (exact O) (point O)) <= rho O ->
  (forall t, (t < T)%nat -> 0 <= change t /\ 0 <= lambda t) ->
  (forall t x, (t < T)%nat -> Norm (S t) x <= change t * Norm t x) ->
  (forall t, (t < T)%nat -> convex (B t)) ->
  (forall t x, (t < T)%nat -> Norm t (minus x (point t)) <= rho t -> B t x) ->
  (forall t, (t < T)%nat -> differentiable_on (Norm (S t)) (B t) (G t) (dG t)) ->
  (forall t x h, (t < T)%nat -> B t x -> Norm (S t) (dG t x h) <= lambda t * Norm (S t) h) ->
  (forall t, (t < T)%nat -> Norm (S t) (minus (G t (point t)) (point (S t))) <= d t) ->
  (forall t, (t < T)%nat -> lambda t * change t * rho t + d t <= rho (S t)) ->
  forall t, (t <= T)%nat -> Norm t (minus (exact t) (point t)) <= rho t.
Proof.
  intros HN H0 Hpos Hchange Hconvex Hball Hdiff Hderiv Hd Hrho.
  apply tube_in_coordinates with (change := change) (lambda := lambda) (d := d); try assumption.
  intros t Ht Hin.
  apply (mean_value_inequality _ (HN (S t)) (B t) (G t) (dG t)).
  - now apply Hconvex.
  - now apply Hdiff.
  - intros z Hz h. now apply Hderiv.
  - apply Hball; [exact Ht|]. rewrite minus_eq_zero, (seminorm_zero _ (HN t)).
    eapply Rle_trans; [apply (seminorm_nonneg _ (HN t)) | exact Hin].
  - now apply Hball.
Qed.
End Run.

(** Plain steps: one norm, the exact run starts at the first point, the ball is the ball. Nothing is
    asked of G_t while rho_t = 0. *)
Theorem tube {E : NormedModule R_AbsRing} (G : nat -> E -> E) (exact point : nat -> E)
    (lambda d rho : nat -> R) (dG : nat -> E -> E -> E) (T : nat) :
  exact O = point O -> (forall t, exact (S t) = G t (exact t)) ->
  0 <= rho O ->
  (forall t, (t < T)%nat -> 0 <= lambda t) ->
  (forall t, (t < T)%nat -> 0 < rho t ->
     let B := fun x => norm (minus x (point t)) <= rho t in
     differentiable_on norm B (G t) (dG t) /\
     forall x h, B x -> norm (dG t x h) <= lambda t * norm h) ->
  (forall t, (t < T)%nat -> norm (minus (G t (point t)) (point (S t))) <= d t) ->
  (forall t, (t < T)%nat -> lambda t * rho t + d t <= rho (S t)) ->
  forall t, (t <= T)%nat -> norm (minus (exact t) (point t)) <= rho t.
Proof.
  intros Hstart Hrun H0 Hl HG Hd Hrho.
  pose proof (norm_is_seminorm E) as HN.
  apply (tube_in_coordinates G exact point Hrun (fun _ x => norm x) (fun _ => 1) lambda d);
    try easy.
  - rewrite Hstart, minus_eq_zero, (seminorm_zero _ HN). exact H0.
  - intros t Ht. split; [lra | now apply Hl].
  - intros. lra.
  - intros t Ht Hin.
    destruct (Rle_lt_dec (rho t) 0) as [Hz|Hpos].
    + assert (Heq : exact t = point t).
      { apply (plus_reg_r (opp (point t))). rewrite plus_opp_r. apply norm_eq_zero.
        apply Rle_antisym; [now apply Rle_trans with (rho t) | apply norm_ge_0]. }
      rewrite Heq, !minus_eq_zero, !(seminorm_zero _ HN). lra.
    + destruct (HG t Ht Hpos) as [Hdiff Hder].
      apply (mean_value_inequality _ HN (fun x => norm (minus x (point t)) <= rho t) (G t) (dG t));
        try assumption.
      * exact (ball_convex _ HN (point t) (rho t)).
      * intros z Hz h. now apply Hder.
      * rewrite minus_eq_zero, (seminorm_zero _ HN). lra.
  - intros t Ht. specialize (Hrho t Ht). lra.
Qed.

(** The tube with its closed form. *)
Theorem tube_closed_form {E : NormedModule R_AbsRing} (G : nat -> E -> E) (exact point : nat -> E)
    (lambda d : nat -> R) (T : nat) :
  exact O = point O -> (forall t, exact (S t) = G t (exact t)) ->
  (forall t, (t < T)%nat -> 0 <= lambda t) ->
  (forall t x, (t < T)%nat -> norm (minus x (point t)) <= radius lambda d 0 t ->
     norm (minus (G t x) (G t (point t))) <= lambda t * norm (minus x (point t))) ->
  (forall t, (t < T)%nat -> norm (minus (G t (point t)) (point (S t))) <= d t) ->
  norm (minus (exact T) (point T)) <=
  sum_below (fun t => d t * growth lambda (S t) (T - S t)) T.
Proof.
  intros Hstart Hrun Hl Hlip Hd.
  pose proof (norm_is_seminorm E) as HN.
  replace (sum_below _ T) with (radius lambda d 0 T) by (rewrite radius_closed_form; lra).
  apply (tube_in_coordinates G exact point Hrun (fun _ x => norm x) (fun _ => 1) lambda d
           (radius lambda d 0) T); try easy.
  - rewrite Hstart, minus_eq_zero, (seminorm_zero _ HN). simpl. lra.
  - intros t Ht. split; [lra | now apply Hl].
  - intros. lra.
  - intros t Ht Hin. now apply Hlip.
  - intros t Ht. simpl. lra.
Qed.
