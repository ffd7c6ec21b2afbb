(** Theorem 2 of proofs/stepwise.md, plain steps. Let H = omega I + GN + R be symmetric with
    0 <= <x, GN x> <= lambda |x|^2 and |<x, R x>| <= r |x|^2. Then

        |(I - eta H) x| <= max(|1 - eta (omega - r)|, |1 - eta (omega + lambda + r)|) |x|,

    and SGD with that Hessian stays in the tube of these factors.

    Relied on by `hessian_range` (src/shadow/step_lipschitz.cpp) and `step_lipschitz`
    (src/shadow/step_coordinates.cpp). *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import MeanValue Tube InnerProduct.
Local Open Scope R_scope.

(** h1 <= H <= h2, as quadratic forms. *)
Record operator_between {E : ModuleSpace R_Ring} (b : E -> E -> R) (H : E -> E) (h1 h2 : R)
    : Prop := {
  between_linear : linear_map H;
  between_symmetric : symmetric b H;
  between_range : forall x, h1 * b x x <= b x (H x) <= h2 * b x x;
}.

(** omega I + GN + R. *)
Definition hessian {E : ModuleSpace R_Ring} (omega : R) (GN R : E -> E) (x : E) : E :=
  plus (scal omega x) (plus (GN x) (R x)).

Section Split.
Context {E : ModuleSpace R_Ring} (b : E -> E -> R) (Hb : positive_form b).

(** Bounds on the two parts bound the whole. *)
Theorem hessian_between (omega lambda r : R) (GN Res : E -> E) :
  operator_between b GN 0 lambda ->
  operator_between b Res (- r) r ->
  operator_between b (hessian omega GN Res) (omega - r) (omega + lambda + r).
Proof.
  intros [GL GS GR] [RL RS RR]. split; [split| |].
  - intros x y. unfold hessian.
    rewrite scal_distr_l, (linear_plus _ GL), (linear_plus _ RL).
    rewrite <- !plus_assoc. f_equal.
    rewrite (plus_comm (scal omega y)), <- !plus_assoc. f_equal.
    rewrite plus_comm, <- !plus_assoc. f_equal.
    rewrite plus_comm, <- !plus_assoc. reflexivity.
  - intros k x. unfold hessian.
    rewrite (linear_scal _ GL), (linear_scal _ RL), !scal_distr_l, !scal_assoc.
    do 2 f_equal. apply Rmult_comm.
  - intros x y. unfold hessian.
    rewrite !(form_plus _ Hb), !(form_plus_r _ Hb), (form_scal _ Hb), (form_scal_r _ Hb).
    rewrite (GS x y), (RS x y). reflexivity.
  - intros x. unfold hessian. rewrite !(form_plus_r _ Hb), (form_scal_r _ Hb).
    specialize (GR x). specialize (RR x). lra.
Qed.

(** A bound on the norm of R is one on its form. *)
Lemma norm_bounds_form (Res : E -> E) (r : R) :
  linear_map Res -> symmetric b Res ->
  (forall x, length b (Res x) <= r * length b x) -> operator_between b Res (- r) r.
Proof.
  intros HL HS Hn. split; [exact HL | exact HS|]. intros x.
  pose proof (form_le_lengths b Hb x (Res x)) as H1.
  pose proof (form_le_lengths b Hb (opp x) (Res x)) as H2. rewrite (form_opp b Hb) in H2.
  assert (Ho : length b (opp x) = length b x).
  { apply (seminorm_opp _ (length_is_seminorm b Hb)). }
  rewrite Ho in H2. specialize (Hn x).
  pose proof (length_nonneg b x). pose proof (length_square b Hb x). nra.
Qed.

Definition plain_factor (eta h1 h2 : R) : R := Rmax (Rabs (1 - eta * h1)) (Rabs (1 - eta * h2)).

Lemma plain_factor_nonneg eta h1 h2 : 0 <= plain_factor eta h1 h2.
Proof. eapply Rle_trans; [apply Rabs_pos | apply Rmax_l]. Qed.

Theorem plain_step_norm (H : E -> E) (eta h1 h2 : R) :
  operator_between b H h1 h2 ->
  forall x, length b (minus x (scal eta (H x))) <= plain_factor eta h1 h2 * length b x.
Proof.
  intros [HL HS HR].
  apply (symmetric_norm b Hb (fun x => minus x (scal eta (H x)))).
  - split.
    + intros x y. rewrite (linear_plus _ HL), scal_distr_l. unfold minus. rewrite opp_plus.
      rewrite <- !plus_assoc. f_equal. rewrite plus_comm, <- !plus_assoc. f_equal. apply plus_comm.
    + intros k x. rewrite (linear_scal _ HL). unfold minus.
      rewrite scal_distr_l, scal_opp_r, !scal_assoc. do 3 f_equal. apply Rmult_comm.
  - intros x y.
    rewrite (form_minus b Hb), (form_minus_r b Hb), (form_scal _ Hb), (form_scal_r b Hb).
    now rewrite (HS x y).
  - apply plain_factor_nonneg.
  - intros x. rewrite (form_minus_r b Hb), (form_scal_r b Hb).
    specialize (HR x). pose proof (form_nonneg _ Hb x) as Hx.
    assert (Hl : Rabs (1 - eta * h1) <= plain_factor eta h1 h2) by apply Rmax_l.
    assert (Hr : Rabs (1 - eta * h2) <= plain_factor eta h1 h2) by apply Rmax_r.
    apply Rabs_le_between in Hl. apply Rabs_le_between in Hr.
    apply Rabs_le_between. destruct (Rle_lt_dec 0 eta); nra.
Qed.

(** The factor of theorem 2, with the Hessian split. *)
Theorem split_step_norm (omega lambda r eta : R) (GN Res : E -> E) :
  operator_between b GN 0 lambda -> operator_between b Res (- r) r ->
  forall x, length b (minus x (scal eta (hessian omega GN Res x))) <=
            Rmax (Rabs (1 - eta * (omega - r))) (Rabs (1 - eta * (omega + lambda + r))) *
            length b x.
Proof. intros HG HR. apply plain_step_norm, (hessian_between omega lambda r GN Res HG HR). Qed.

(** SGD with rates eta_t and weight decay omega. *)
Theorem sgd_tube (G : nat -> E -> E) (exact point : nat -> E) (eta lambda r d rho : nat -> R)
    (omega : R) (GN Res : nat -> E -> E -> E) (T : nat) :
  let factor t := plain_factor (eta t) (omega - r t) (omega + lambda t + r t) in
  let inside t x := length b (minus x (point t)) <= rho t in
  exact O = point O -> (forall t, exact (S t) = G t (exact t)) -> 0 <= rho O ->
  (forall t, (t < T)%nat -> differentiable_on (length b) (inside t) (G t)
     (fun x h => minus h (scal (eta t) (hessian omega (GN t x) (Res t x) h)))) ->
  (forall t x, (t < T)%nat -> inside t x ->
     operator_between b (GN t x) 0 (lambda t) /\ operator_between b (Res t x) (- r t) (r t)) ->
  (forall t, (t < T)%nat -> length b (minus (G t (point t)) (point (S t))) <= d t) ->
  (forall t, (t < T)%nat -> factor t * rho t + d t <= rho (S t)) ->
  forall t, (t <= T)%nat -> length b (minus (exact t) (point t)) <= rho t.
Proof.
  intros factor inside Hstart Hrun H0 HG Hparts Hd Hrho.
  pose proof (length_is_seminorm b Hb) as HN.
  apply (tube_of_derivatives G exact point Hrun (fun _ => length b) (fun _ => 1) factor d rho T
           inside (fun t x h => minus h (scal (eta t) (hessian omega (GN t x) (Res t x) h))));
    try easy.
  - rewrite Hstart, minus_eq_zero, (seminorm_zero _ HN). exact H0.
  - intros t _. split; [lra | apply plain_factor_nonneg].
  - intros. lra.
  - intros t _. apply (ball_convex _ HN).
  - intros t x h Ht Hx. destruct (Hparts t x Ht Hx) as [HGN HRes].
    now apply split_step_norm.
  - intros t Ht. specialize (Hrho t Ht). lra.
Qed.

End Split.
