(** The mean value inequality in the form that the stepwise way needs: a map that is differentiable
    relative to a convex set, with ||dG|| <= Lambda there, is Lipschitz on the set with Lambda.
    Relative to the set is enough: ReLU may have its kink on the border.

    Relied on by Tube.v, and so by `step_lipschitz` (src/shadow/step_coordinates.cpp). *)

From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
Local Open Scope R_scope.

(** What is used of a norm. *)
Record seminorm {E : ModuleSpace R_Ring} (N : E -> R) : Prop := {
  seminorm_plus : forall x y, N (plus x y) <= N x + N y;
  seminorm_scal_le : forall k x, N (scal k x) <= Rabs k * N x;
}.

Section Seminorm.
Context {E : ModuleSpace R_Ring} (N : E -> R) (HN : seminorm N).

Lemma seminorm_zero : N zero = 0.
Proof.
  apply Rle_antisym.
  - rewrite <- (scal_zero_l (zero : E)) at 1.
    eapply Rle_trans; [apply (seminorm_scal_le _ HN)|].
    change (Rabs zero) with (Rabs 0). rewrite Rabs_R0. lra.
  - pose proof (seminorm_plus _ HN zero zero) as H. rewrite plus_zero_l in H. lra.
Qed.

Lemma seminorm_scal k x : N (scal k x) = Rabs k * N x.
Proof.
  destruct (Req_dec k 0) as [->|Hk].
  { change 0 with (@zero R_Ring) at 1.
    rewrite (scal_zero_l x), seminorm_zero, Rabs_R0. symmetry. apply Rmult_0_l. }
  apply Rle_antisym; [apply (seminorm_scal_le _ HN)|].
  pose proof (seminorm_scal_le _ HN (/ k) (scal k x)) as H.
  rewrite scal_assoc in H. change (mult (/ k) k) with (/ k * k) in H.
  rewrite Rinv_l in H by exact Hk. change 1 with (@one R_Ring) in H. rewrite (scal_one x) in H.
  rewrite Rabs_inv in H. pose proof (Rabs_pos_lt k Hk) as Hpos.
  apply Rmult_le_compat_l with (r := Rabs k) in H; [|lra].
  rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l in H by lra. exact H.
Qed.

Lemma seminorm_opp x : N (opp x) = N x.
Proof.
  rewrite <- scal_opp_one, seminorm_scal.
  change (Rabs (opp one)) with (Rabs (Ropp 1)). rewrite Rabs_Ropp, Rabs_R1. apply Rmult_1_l.
Qed.

Lemma seminorm_nonneg x : 0 <= N x.
Proof.
  pose proof (seminorm_plus _ HN x (opp x)) as H.
  rewrite plus_opp_r, seminorm_zero, seminorm_opp in H. lra.
Qed.

Lemma seminorm_swap x y : N (minus x y) = N (minus y x).
Proof. rewrite <- opp_minus. apply seminorm_opp. Qed.

Lemma minus_through (x y z : E) : minus x z = plus (minus x y) (minus y z).
Proof. apply minus_trans. Qed.

Lemma seminorm_through x y z : N (minus x z) <= N (minus x y) + N (minus y z).
Proof. rewrite (minus_through x y z). apply (seminorm_plus _ HN). Qed.

(** A local bound K on the slope of a path is a global one. *)
Lemma path_slope (f : R -> E) (K : R) :
  (forall t, 0 <= t <= 1 -> exists delta, 0 < delta /\
     forall s, 0 <= s <= 1 -> Rabs (s - t) < delta -> N (minus (f s) (f t)) <= K * Rabs (s - t)) ->
  N (minus (f 1) (f 0)) <= K.
Proof.
  intros Hloc.
  set (S := fun t => 0 <= t <= 1 /\ forall s, 0 <= s <= t -> N (minus (f s) (f 0)) <= K * s).
  assert (H0 : S 0).
  { split; [lra|]. intros s Hs. replace s with 0 by lra.
    rewrite minus_eq_zero, seminorm_zero. lra. }
  destruct (completeness S) as [c [Hub Hlub]].
  { exists 1. intros t [Ht _]. lra. }
  { now exists 0. }
  assert (Hc : 0 <= c <= 1).
  { split; [now apply Hub | apply Hlub; intros t [Ht _]; lra]. }
  destruct (Hloc c Hc) as [delta [Hdelta Hnear]].
  assert (Hbelow : forall s, 0 <= s < c -> N (minus (f s) (f 0)) <= K * s).
  { intros s Hs. apply Rnot_lt_le. intros Hbad.
    enough (c <= s) by lra.
    apply Hlub. intros t [_ Ht]. apply Rnot_lt_le. intros Hst. specialize (Ht s). lra. }
  assert (Hat : N (minus (f c) (f 0)) <= K * c).
  { destruct (Req_dec c 0) as [->|Hpos].
    { rewrite minus_eq_zero, seminorm_zero. lra. }
    set (s := Rmax 0 (c - delta / 2)).
    assert (Hs : 0 <= s < c) by (unfold s, Rmax; destruct Rle_dec; lra).
    assert (Hsc : Rabs (s - c) = c - s) by (rewrite Rabs_minus_sym; apply Rabs_pos_eq; lra).
    assert (Hd : c - s < delta) by (unfold s, Rmax; destruct Rle_dec; lra).
    specialize (Hnear s). rewrite Hsc in Hnear.
    eapply Rle_trans; [apply (seminorm_through _ (f s))|].
    rewrite (seminorm_swap (f c)). specialize (Hbelow s Hs).
    assert (N (minus (f s) (f c)) <= K * (c - s)) by (apply Hnear; lra). lra. }
  destruct (Rle_lt_dec 1 c) as [H1|H1].
  { replace c with 1 in Hat by lra. lra. }
  exfalso. set (t := Rmin 1 (c + delta / 2)).
  assert (Ht : c < t <= 1) by (unfold t, Rmin; destruct Rle_dec; lra).
  enough (S t) as HS by (specialize (Hub t HS); lra).
  split; [lra|]. intros s Hs.
  destruct (Rle_lt_dec s c) as [Hsc|Hsc].
  { destruct (Req_dec s c) as [->|Hne]; [exact Hat | apply Hbelow; lra]. }
  assert (Ha : Rabs (s - c) = s - c) by (apply Rabs_pos_eq; lra).
  assert (Hd : s - c < delta) by (unfold t, Rmin in *; destruct Rle_dec; lra).
  specialize (Hnear s). rewrite Ha in Hnear.
  assert (N (minus (f s) (f c)) <= K * (s - c)) by (apply Hnear; lra).
  eapply Rle_trans; [apply (seminorm_through _ (f c))|]. lra.
Qed.

Definition convex (B : E -> Prop) : Prop :=
  forall x y t, B x -> B y -> 0 <= t <= 1 -> B (plus x (scal t (minus y x))).

(** dG x is a derivative of G at every x in B, as seen from B. *)
Definition differentiable_on (B : E -> Prop) (G : E -> E) (dG : E -> E -> E) : Prop :=
  forall x, B x -> forall eps, 0 < eps -> exists delta, 0 < delta /\
    forall y, B y -> N (minus y x) < delta ->
      N (minus (minus (G y) (G x)) (dG x (minus y x))) <= eps * N (minus y x).

Lemma segment_step (x y : E) s t :
  minus (plus x (scal s (minus y x))) (plus x (scal t (minus y x))) = scal (s - t) (minus y x).
Proof.
  unfold minus at 1. rewrite opp_plus.
  rewrite (plus_comm x), <- plus_assoc, (plus_assoc x), plus_opp_r, plus_zero_l.
  rewrite <- scal_opp_l, <- scal_distr_r. reflexivity.
Qed.

Theorem mean_value_inequality (B : E -> Prop) (G : E -> E) (dG : E -> E -> E) (Lambda : R)
    (x y : E) :
  convex B -> differentiable_on B G dG ->
  (forall z, B z -> forall h, N (dG z h) <= Lambda * N h) ->
  B x -> B y -> N (minus (G y) (G x)) <= Lambda * N (minus y x).
Proof.
  intros HB HG Hd Hx Hy.
  set (h := minus y x). set (p := fun t => plus x (scal t h)).
  assert (Hp : forall t, 0 <= t <= 1 -> B (p t)) by (intros t Ht; now apply HB).
  assert (Hn : 0 <= N h) by apply seminorm_nonneg.
  apply le_epsilon. intros e He.
  assert (Hq : 0 < e / (N h + 1)) by (apply Rdiv_lt_0_compat; lra).
  assert (H1 : p 1 = y).
  { unfold p. change 1 with (@one R_Ring). rewrite (scal_one h), plus_comm. unfold h, minus.
    rewrite <- plus_assoc, plus_opp_l. apply plus_zero_r. }
  assert (H0 : p 0 = x).
  { unfold p. change 0 with (@zero R_Ring). rewrite (scal_zero_l h). apply plus_zero_r. }
  rewrite <- H1, <- H0.
  apply Rle_trans with ((Lambda + e / (N h + 1)) * N h).
  - apply (path_slope (fun t => G (p t))). intros t Ht.
    destruct (HG (p t) (Hp t Ht) _ Hq) as [delta [Hdelta Hnear]].
    exists (delta / (N h + 1)). split; [apply Rdiv_lt_0_compat; lra|].
    intros s Hs Hst.
    assert (Hps : minus (p s) (p t) = scal (s - t) h) by apply segment_step.
    assert (Hns : N (minus (p s) (p t)) = Rabs (s - t) * N h)
      by (rewrite Hps; apply seminorm_scal).
    assert (Hlt : N (minus (p s) (p t)) < delta).
    { rewrite Hns. pose proof (Rabs_pos (s - t)).
      apply Rle_lt_trans with (Rabs (s - t) * (N h + 1)); [nra|].
      apply Rlt_le_trans with (delta / (N h + 1) * (N h + 1)); [nra|].
      right. field. lra. }
    specialize (Hnear (p s) (Hp s Hs) Hlt).
    set (D := dG (p t) (minus (p s) (p t))) in *.
    replace (minus (G (p s)) (G (p t)))
      with (plus (minus (minus (G (p s)) (G (p t))) D) D)
      by (unfold minus; now rewrite <- plus_assoc, plus_opp_l, plus_zero_r).
    eapply Rle_trans; [apply (seminorm_plus _ HN)|].
    pose proof (Hd (p t) (Hp t Ht) (minus (p s) (p t))) as HD. fold D in HD.
    rewrite Hns in Hnear, HD. pose proof (Rabs_pos (s - t)). nra.
  - assert (H : e / (N h + 1) * N h <= e).
    { apply Rle_trans with (e / (N h + 1) * (N h + 1)); [nra|]. right. field. lra. }
    lra.
Qed.

Lemma ball_convex (center : E) (r : R) : convex (fun x => N (minus x center) <= r).
Proof.
  intros x y t Hx Hy Ht.
  assert (Heq : minus (plus x (scal t (minus y x))) center =
                plus (scal (1 - t) (minus x center)) (scal t (minus y center))).
  { change (1 - t) with (minus (@one R_Ring) t).
    rewrite (scal_minus_distr_r one t), (scal_one (minus x center)).
    rewrite (minus_trans center y x), <- (opp_minus x center).
    rewrite scal_distr_l, scal_opp_r. unfold minus.
    set (u := scal t _). set (v := opp (scal t _)).
    rewrite <- !plus_assoc. f_equal. rewrite (plus_comm u), <- plus_assoc.
    rewrite (plus_comm (opp center) (plus v u)), <- plus_assoc. f_equal. apply plus_comm. }
  rewrite Heq. eapply Rle_trans; [apply (seminorm_plus _ HN)|].
  rewrite !seminorm_scal, !Rabs_pos_eq by lra. nra.
Qed.

End Seminorm.

(** The norm of a normed module is one. *)
Lemma norm_is_seminorm (E : NormedModule R_AbsRing) :
  seminorm (fun x : E => norm x).
Proof.
  split.
  - intros x y. exact (@norm_triangle R_AbsRing E x y).
  - intros k x. exact (@norm_scal R_AbsRing E k x).
Qed.

(** A map that is differentiable at every point of B, as a map on the whole space, is so on B. *)
Lemma differentiable_everywhere_on (E : NormedModule R_AbsRing) (B : E -> Prop) (G : E -> E)
    (dG : E -> E -> E) :
  (forall x, B x -> filterdiff G (locally x) (dG x)) ->
  differentiable_on (fun x : E => norm x) B G dG.
Proof.
  intros H x Hx eps Heps.
  destruct (H x Hx) as [_ Hd].
  specialize (Hd x (fun P HP => HP) (mkposreal eps Heps)).
  apply (locally_norm_le_locally x) in Hd. destruct Hd as [delta Hdelta].
  exists delta. split; [apply cond_pos|].
  intros y _ Hy. exact (Hdelta y Hy).
Qed.
